-- Ends one session: the record first, so that it works at a full memory too.
local function end_session(session_key, tombstone_key, expiries_key, id, head, now, detail, kept)
  redis.call('DEL', session_key)
  redis.call('ZREM', expiries_key, id)
  local tombstone = integer(u48(head, 14)) .. ' ' .. integer(now) .. ' ' .. detail
  redis.call('SET', tombstone_key, tombstone, 'PX', integer(kept))
end
