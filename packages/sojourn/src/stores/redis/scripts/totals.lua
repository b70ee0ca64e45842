-- The totals of a bucket; clients show a hash in different shapes, and an answer in one.
-- KEYS  1 totals of the bucket
-- ARGV  1 shift (ms)
-- answers  {'totals', now, field, value, field, value ...}: see _totals.lua
-- @include _lib.lua
local shift = tonumber(ARGV[1])
local answer = {'totals', server_now(shift)}
for _, text in ipairs(redis.call('HGETALL', KEYS[1])) do answer[#answer + 1] = text end
return answer
