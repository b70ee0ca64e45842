-- Takes a value out of the store, also an empty one: it lies aside until it has arrived in another one.
-- KEYS  1 value  2 values of the bucket  3 records aside of the bucket  4 admitted ids of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 its name aside  5 records aside kept (ms)
-- answers  {'taken', now, when it ends (6 bytes) and value, or false} | {'late', now}
-- Again it answers the same, as long as that lies aside.
-- @include _lib.lua
local not_after, shift, id, name, aside_kept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local aside = redis.call('HGET', KEYS[3], name)
if aside then return {'taken', now, aside} end
local value = redis.call('GET', KEYS[1])
if not value then return {'taken', now, false} end
local packed = struct.pack('>I6', now + redis.call('PTTL', KEYS[1])) .. value
redis.call('HSET', KEYS[3], name, packed)
redis.call('PEXPIRE', KEYS[3], aside_kept)
redis.call('SREM', KEYS[4], name)
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], id)
return {'taken', now, packed}
