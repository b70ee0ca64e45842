-- Ends one session: the record first, so that it works at a full memory too.
-- @include _publish.lua
local function end_session(session_key, tombstone_key, expiries_key, id, head, now, detail, kept)
  redis.call('DEL', session_key)
  redis.call('ZREM', expiries_key, id)
  -- A corrupt record may be shorter than a header: it ends all the same.
  local created = #head >= HEADER and u48(head, 14) or 0
  local tombstone = integer(created) .. ' ' .. integer(now) .. ' ' .. detail
  redis.call('SET', tombstone_key, tombstone, 'PX', integer(kept))
  publish('e ' .. id)
end
