-- Stores a new session and indexes it.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 totals of the bucket
--       [5 sessions of the user  6 epoch of the user  7 users of the bucket]
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 record  5 reap grace (ms)  6 user hash or ''
-- answers  {'created', now, user epoch} | {'gone', now, tombstone} | {'late', now}
-- Sent again it answers the same; it never brings back an id that was ended.
-- @include _lib.lua
local not_after, shift, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local record, grace, hash = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local now = server_now(shift)
if now > not_after then return {'late', now} end

local tombstone = redis.call('GET', KEYS[2])
if tombstone then return {'gone', now, tombstone} end
local stored = redis.call('GETRANGE', KEYS[1], 0, 49)
if stored ~= '' then return {'created', now, u48(stored, 44)} end

local epoch = 0
if hash ~= '' then epoch = tonumber(redis.call('GET', KEYS[6]) or '0') end
record = string.sub(record, 1, 44) .. struct.pack('>I6', epoch) .. string.sub(record, 51)
local expiry = expires_at(record)
redis.call('SET', KEYS[1], record, 'PXAT', integer(expiry + grace - shift))
redis.call('ZADD', KEYS[3], integer(expiry), id)
if hash ~= '' then
  redis.call('ZADD', KEYS[5], integer(expiry), id)
  follow_latest(KEYS[5], KEYS[7], hash, shift, grace)
end
redis.call('HINCRBY', KEYS[4], 'c', 1)
return {'created', now, epoch}
