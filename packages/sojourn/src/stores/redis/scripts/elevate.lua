-- A new token in place of the current one at once, with a new assurance level and new deadlines.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket  5 cut-offs of the bucket  6 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 reap grace (ms)  5 prefix of user indexes
--       6 generation expected  7 token hash expected  8 new generation  9 new token hash
--       10 assurance level  11 absolute timeout (ms)  12 metadata expected  13 new metadata  14 events kept  15 letter of the event
--       16 prefix of user epochs
-- answers  {'elevated', now, record} | {'stale', now, record} | {'gone', now, tombstone or false} | {'late', now} | {'unsupported', now}
-- Sent again it answers the same. A session from before a cut-off, or its user's epoch, is gone: new deadlines would move
-- it behind the walk that ends it.
-- @include _lib.lua
-- @include _publish.lua
-- @include _events.lua
-- @include _rotation.lua
-- @include _metadata.lua
-- @include _cut-offs.lua
local not_after, shift, id, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then return {'gone', now, redis.call('GET', KEYS[2])} end
if #record < HEADER or now >= expires_at(record) then return {'gone', now, false} end
if string.byte(record, 1) > VERSION then return {'unsupported', now} end
if u24(record, 8) == tonumber(ARGV[8]) and token_hash(record) == ARGV[9] then return {'elevated', now, record} end
local cut_offs = redis.call('GET', KEYS[5])
local ended = cut_offs and cut_off(cut_offs, record)
if ended then return {'gone', now, ended} end
local hash = user_hash(record)
if hash and u48(record, 44) < tonumber(redis.call('GET', ARGV[16] .. hash) or '0') then return {'gone', now, false} end
local same = u24(record, 8) == tonumber(ARGV[6]) and token_hash(record) == ARGV[7]
if not same or metadata_of(record) ~= ARGV[12] then return {'stale', now, record} end

record = with_token(with_block(with_metadata(record, ARGV[13]), nil), tonumber(ARGV[8]), ARGV[9])
-- Not locked any more; level; floor; last seen and authenticated now; a new absolute deadline.
record = string.sub(record, 1, 1) .. string.char(bit.band(string.byte(record, 2), 251), tonumber(ARGV[10]))
  .. string.sub(record, 4, 11) .. struct.pack('>I3', tonumber(ARGV[8])) .. string.sub(record, 15, 20)
  .. struct.pack('>I6I6', now, now + tonumber(ARGV[11])) .. string.sub(record, 33, 38) .. struct.pack('>I6', now)
  .. string.sub(record, 45)
local expiry = expires_at(record)
redis.call('SET', KEYS[1], record, 'PXAT', integer(expiry + grace - shift))
redis.call('ZADD', KEYS[3], 'XX', integer(expiry), id)
if hash then
  redis.call('ZADD', ARGV[5] .. hash, 'XX', integer(expiry), id)
  follow_latest(ARGV[5] .. hash, KEYS[4], hash, shift, grace)
end
publish_change(KEYS[1], record)
note_event(ARGV[15], now, string.sub(record, 15, 20), id, hash, '')
return {'elevated', now, record, write_events(KEYS[6], tonumber(ARGV[14]))}
