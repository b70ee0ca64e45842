-- Makes a presented successor the current token; its predecessor is honoured for a grace.
-- KEYS  1 session  2 tombstone  3 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 generation  4 token hash  5 grace (ms)  6 '1' to accept a successor that the store lost
--       7 id  8 events kept
-- answers  {'confirmed', now, record} | {'stale', now, record} | {'gone', now, tombstone or false} | {'late', now} | {'unsupported', now}
-- Sent again it answers the same.
-- @include _lib.lua
-- @include _publish.lua
-- @include _events.lua
-- @include _rotation.lua
local not_after, shift, generation = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local hash, grace = ARGV[4], tonumber(ARGV[5])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then return {'gone', now, redis.call('GET', KEYS[2])} end
if #record < HEADER or now >= expires_at(record) then return {'gone', now, false} end
if string.byte(record, 1) > VERSION then return {'unsupported', now} end
local current = u24(record, 8)
if generation == current and token_hash(record) == hash then return {'confirmed', now, record} end
if generation ~= current + 1 then return {'stale', now, record} end

local block = read_block(record)
local pending = block ~= nil and block.state == 1 and block.other == hash
if not pending and ARGV[6] ~= '1' then return {'stale', now, record} end
local confirmed = {
  state = 2, grace_until = now + grace, since = pending and block.since or now,
  other = token_hash(record), wrap = pending and block.wrap or string.rep('\0', 32), key_id = pending and block.key_id or '\0\0\0\0',
}
record = with_token(with_block(record, confirmed), generation, hash)
redis.call('SET', KEYS[1], record, 'KEEPTTL')
publish_change(KEYS[1], record)
note_event('r', now, string.sub(record, 15, 20), ARGV[7], user_hash(record), '')
return {'confirmed', now, record, write_events(KEYS[3], tonumber(ARGV[8]))}
