-- Stores a session that was taken out of another store, byte for byte. No beginning.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket  5 cut-offs of the bucket  6 admitted ids of the bucket
--       [7 sessions of the user  8 epoch of the user]
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 record  5 reap grace (ms)  6 user hash or ''  7 admitted ids kept (ms)
--       8 reason of a tombstone that is no ending
-- answers  {'admitted', now} | {'known', now}: it is here, or was admitted or refused before | {'refused', now} | {'late', now}
-- @include _lib.lua
-- @include _rotation.lua
-- @include _metadata.lua
-- @include _cut-offs.lua
local not_after, shift, id, record = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local grace, hash, admitted_kept, moved = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7]), ARGV[8]
local now = server_now(shift)
if now > not_after then return {'late', now} end

if redis.call('SADD', KEYS[6], id) == 0 then return {'known', now} end
redis.call('PEXPIRE', KEYS[6], admitted_kept)
if redis.call('EXISTS', KEYS[1]) == 1 then return {'known', now} end
local epoch = hash ~= '' and tonumber(redis.call('GET', KEYS[8]) or 0) or 0
local tombstone, cut_offs, expires = redis.call('GET', KEYS[2]), redis.call('GET', KEYS[5]), expires_at(record)
if tombstone and not string.find(tombstone, '{"r":"' .. moved .. '"', 1, true) then return {'refused', now} end
if now >= expires or u48(record, 44) < epoch then return {'refused', now} end
if cut_offs and cut_off(cut_offs, record) then return {'refused', now} end

local expiry, dies = integer(expires), integer(expires + grace - shift)
redis.call('SET', KEYS[1], record, 'PXAT', dies)
redis.call('ZADD', KEYS[3], expiry, id)
if hash ~= '' then
  redis.call('ZADD', KEYS[7], expiry, id)
  follow_raised(KEYS[7], KEYS[4], hash, expiry, dies, shift, grace)
end
return {'admitted', now}
