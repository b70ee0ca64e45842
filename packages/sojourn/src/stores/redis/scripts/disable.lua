-- Lets no session of a user begin, or again.
-- KEYS  1 disabled users of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 user hash  4 '1' to disable, '' to enable
-- answers  {'done', now} | {'late', now}
-- @include _lib.lua
local not_after, shift, hash, disabled = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4] == '1'
local now = server_now(shift)
if now > not_after then return {'late', now} end
-- A write that takes no memory comes first: at a full memory Redis then lets the others pass.
redis.call('SREM', KEYS[1], hash)
if disabled then redis.call('SADD', KEYS[1], hash) end
return {'done', now}
