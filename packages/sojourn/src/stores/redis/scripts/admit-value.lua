-- Stores a value that was taken out of another store, until its end.
-- KEYS  1 value  2 values of the bucket  3 admitted ids of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 its name among the admitted  5 when it ends (ms)  6 value  7 admitted ids kept (ms)
-- answers  {'admitted', now} | {'known', now}: of it something is known, or it was admitted or refused before | {'refused', now} | {'late', now}
-- @include _values.lua
local not_after, shift, id, name = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local ends, value, admitted_kept = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local now = server_now(shift)
if now > not_after then return {'late', now} end

if redis.call('SADD', KEYS[3], name) == 0 then return {'known', now} end
redis.call('PEXPIRE', KEYS[3], admitted_kept)
if redis.call('EXISTS', KEYS[1]) == 1 then return {'known', now} end
if now >= ends then return {'refused', now} end
put_value(KEYS[1], KEYS[2], id, value, ends, now, shift)
return {'admitted', now}
