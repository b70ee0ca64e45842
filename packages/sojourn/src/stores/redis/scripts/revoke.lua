-- Ends a session before its time.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 reason and actor (JSON)  5 tombstone kept (ms)  6 reap grace (ms)
--       7 prefix of user indexes  8 data revision that the caller knows, or ''
-- answers  {'ended', now, record or false} | {'ended_before', now} | {'unknown', now} | {'late', now}
-- The record comes with the answer when its data revision is not the known one.
-- @include _lib.lua
-- @include _end.lua
local not_after, shift, id, detail = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local kept, grace, known_revision = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[8]
local now = server_now(shift)
if now > not_after then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then
  redis.call('ZREM', KEYS[3], id)
  if redis.call('EXISTS', KEYS[2]) == 1 then return {'ended_before', now} end
  return {'unknown', now}
end

end_session(KEYS[1], KEYS[2], KEYS[3], id, record, now, detail, kept)
local hash = user_hash(record)
if hash then
  redis.call('ZREM', ARGV[7] .. hash, id)
  follow_latest(ARGV[7] .. hash, KEYS[4], hash, shift, grace)
end
if known_revision ~= '' and #record >= HEADER and struct.unpack('>I4', record, 5) ~= tonumber(known_revision) then
  return {'ended', now, record}
end
return {'ended', now, false}
