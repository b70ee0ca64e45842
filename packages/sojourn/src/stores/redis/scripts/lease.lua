-- Takes or renews the lease on a part of the store: others leave it alone meanwhile.
-- KEYS  1 lease
-- ARGV  1 not after (ms)  2 shift (ms)  3 owner  4 next owner  5 kept (ms)
-- answers  {'held', now} | {'taken', now} by another owner | {'late', now}
-- @include _lib.lua
local not_after, shift, owner, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[5])
local now = server_now(shift)
if now > not_after then return {'late', now} end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= owner then return {'taken', now} end
redis.call('SET', KEYS[1], ARGV[4], 'PX', integer(kept))
return {'held', now}
