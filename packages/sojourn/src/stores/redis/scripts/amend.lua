-- Other metadata for a session, and whether it is locked. No deadline, token or data changes.
-- KEYS  1 session  2 tombstone  3 totals of the bucket  4 operation
-- ARGV  1 not after (ms)  2 shift (ms)  3 metadata expected  4 new metadata  5 '1' locked, '0' not, '' as it is
--       6 id  7 letter of an event, or ''  8 its detail (JSON)  9 events kept  10 operation kept (ms)
-- answers  {'amended', now, record} | {'stale', now, record} | {'gone', now, tombstone or false} | {'late', now} | {'unsupported', now}
-- Sent again with its operation key it changes nothing more, whatever was changed in between.
-- @include _lib.lua
-- @include _publish.lua
-- @include _events.lua
-- @include _rotation.lua
-- @include _metadata.lua
local not_after, shift = tonumber(ARGV[1]), tonumber(ARGV[2])
local expected, metadata, locked = ARGV[3], ARGV[4], ARGV[5]
local now = server_now(shift)
local done = redis.call('EXISTS', KEYS[4]) == 1
if now > not_after and not done then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then return {'gone', now, redis.call('GET', KEYS[2])} end
if #record < HEADER or now >= expires_at(record) then return {'gone', now, false} end
if string.byte(record, 1) > VERSION then return {'unsupported', now} end
local flags, stored = string.byte(record, 2), metadata_of(record)
local wanted = flags
if locked == '1' then wanted = bit.bor(flags, 4) elseif locked == '0' then wanted = bit.band(flags, 251) end
if done or stored == metadata and flags == wanted then return {'amended', now, record} end
if stored ~= expected then return {'stale', now, record} end

if has_block(record) then
  -- @include _stale-wrap.lua
  record = without_stale_wrap(record, now)
end
record = with_metadata(record, metadata)
record = string.sub(record, 1, 1) .. string.char(wanted) .. string.sub(record, 3)
redis.call('SET', KEYS[1], record, 'KEEPTTL')
redis.call('SET', KEYS[4], '', 'PX', integer(tonumber(ARGV[10])))
publish_change(KEYS[1], record)
if ARGV[7] ~= '' then note_event(ARGV[7], now, string.sub(record, 15, 20), ARGV[6], user_hash(record), ARGV[8]) end
return {'amended', now, record, write_events(KEYS[3], tonumber(ARGV[9]))}
