-- Ends one session: the record first, so that it works at a full memory too. One whose time was over had ended
-- by itself, at its expiry. The caller writes the history.
-- @include _publish.lua
-- @include _history.lua
local EXPIRED = '{"r":"expired"}'

local function end_session(session_key, tombstone_key, expiries_key, id, head, now, shift, reason, detail, kept)
  -- A corrupt record may be shorter than a header: it ends all the same.
  local created, ended = #head >= HEADER and u48(head, 14) or nil, now
  if created and expires_at(head) <= now then ended, reason, detail = expires_at(head), 'expired', EXPIRED end
  redis.call('DEL', session_key)
  redis.call('ZREM', expiries_key, id)
  if ended + kept > now then
    local tombstone = integer(created or 0) .. ' ' .. integer(ended) .. ' ' .. detail
    redis.call('SET', tombstone_key, tombstone, 'PXAT', integer(ended + kept - shift))
  end
  note_ending(id, head, ended, reason, detail)
  publish('e ' .. id)
end
