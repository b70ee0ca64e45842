-- Takes a live session out of the store: its record lies aside until it has arrived in another one. No ending.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket  5 records aside of the bucket  6 admitted ids of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 reason of the tombstone (JSON)  5 tombstone kept (ms)  6 reap grace (ms)
--       7 prefix of user indexes  8 records aside kept (ms)
-- answers  {'taken', now, record or false} | {'late', now}
-- Again it answers the same record, as long as that lies aside.
-- @include _lib.lua
local not_after, shift, id, detail = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local kept, grace, user_prefix, aside_kept = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local aside = redis.call('HGET', KEYS[5], id)
if aside then return {'taken', now, aside} end
local record = redis.call('GET', KEYS[1])
if not record or #record < HEADER or now >= expires_at(record) then return {'taken', now, false} end
redis.call('HSET', KEYS[5], id, record)
redis.call('PEXPIRE', KEYS[5], aside_kept)
redis.call('SREM', KEYS[6], id)
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], integer(u48(record, 14)) .. ' ' .. integer(now) .. ' ' .. detail, 'PX', integer(kept))
redis.call('ZREM', KEYS[3], id)
local hash = user_hash(record)
if hash then
  redis.call('ZREM', user_prefix .. hash, id)
  follow_latest(user_prefix .. hash, KEYS[4], hash, shift, grace)
end
return {'taken', now, record}
