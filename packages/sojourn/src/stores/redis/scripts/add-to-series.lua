-- Adds to the counts of an hour.
-- KEYS  1 counts of the hour  2 operation
-- ARGV  1 not after (ms)  2 shift (ms)  3 operation kept (ms)  4 counts kept (ms)  5.. field, count, field, count, ...
-- answers  {'added', now} | {'late', now}
-- Sent again it adds nothing.
-- @include _lib.lua
local not_after, shift, operation_kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = tonumber(ARGV[4])
local now = server_now(shift)
if redis.call('EXISTS', KEYS[2]) == 1 then return {'added', now} end
if now > not_after then return {'late', now} end

for i = 5, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], integer(kept))
redis.call('SET', KEYS[2], '', 'PX', integer(operation_kept))
return {'added', now}
