-- Lets no session of a user begin, or again.
-- KEYS  1 disabled users of the bucket  2 operation
-- ARGV  1 not after (ms)  2 shift (ms)  3 user hash  4 '1' to disable, '' to enable  5 operation kept (ms)
-- answers  {'done', now} | {'late', now}
-- Sent again with its operation key it changes nothing: what was said in between stands.
-- @include _lib.lua
local not_after, shift, hash, disabled = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4] == '1'
local operation_kept = tonumber(ARGV[5])
local now = server_now(shift)
if redis.call('EXISTS', KEYS[2]) == 1 then return {'done', now} end
if now > not_after then return {'late', now} end
-- A write that takes no memory comes first: at a full memory Redis then lets the others pass.
redis.call('SREM', KEYS[1], hash)
if disabled then redis.call('SADD', KEYS[1], hash) end
redis.call('SET', KEYS[2], '', 'PX', integer(operation_kept))
return {'done', now}
