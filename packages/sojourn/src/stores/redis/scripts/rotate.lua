-- Makes a successor of the current token, which stays good until the successor is presented.
-- KEYS  1 session  2 tombstone
-- ARGV  1 not after (ms)  2 shift (ms)  3 generation  4 token hash  5 successor hash  6 wrap  7 wrap key id  8 hash of a pending one to replace, or ''
-- answers  {'pending', now, record} with this or an earlier racer's successor | {'stale', now, record}
--        | {'gone', now, tombstone or false} | {'late', now} | {'unsupported', now}
-- @include _lib.lua
-- @include _publish.lua
-- @include _rotation.lua
local not_after, shift, generation = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then return {'gone', now, redis.call('GET', KEYS[2])} end
if #record < HEADER or now >= expires_at(record) then return {'gone', now, false} end
if string.byte(record, 1) > VERSION then return {'unsupported', now} end
if u24(record, 8) ~= generation or token_hash(record) ~= ARGV[4] then return {'stale', now, record} end

local block = read_block(record)
if block and block.state == 1 and block.other ~= ARGV[8] then return {'pending', now, record} end
record = with_block(record, {
  state = 1, grace_until = block and block.grace_until or 0, since = now,
  other = ARGV[5], wrap = ARGV[6], key_id = struct.pack('>I4', tonumber(ARGV[7])),
})
redis.call('SET', KEYS[1], record, 'KEEPTTL')
publish_change(KEYS[1], record)
return {'pending', now, record}
