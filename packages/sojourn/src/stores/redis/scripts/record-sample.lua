-- Adds a sample to the list of a metric.
-- KEYS  1 samples  2 operation
-- ARGV  1 not after (ms)  2 shift (ms)  3 operation kept (ms)  4 value  5 most samples  6 samples kept (ms)
-- answers  {'recorded', now} | {'late', now}
-- Sent again it adds nothing.
-- @include _lib.lua
local not_after, shift, operation_kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local value, most, kept = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local now = server_now(shift)
if redis.call('EXISTS', KEYS[2]) == 1 then return {'recorded', now} end
if now > not_after then return {'late', now} end

redis.call('LPUSH', KEYS[1], value)
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], integer(kept))
redis.call('SET', KEYS[2], '', 'PX', integer(operation_kept))
return {'recorded', now}
