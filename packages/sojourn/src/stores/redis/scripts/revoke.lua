-- Ends a session before its time.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket  5 operation  6 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 reason and actor (JSON)  5 tombstone kept (ms)  6 reap grace (ms)
--       7 prefix of user indexes  8 data revision that the caller knows, or ''  9 generation of a reused token, or ''  10 operation kept (ms)
--       11 reason as counted  12 events kept
-- answers  {'ended', now, record or false} | {'ended_before', now} | {'unknown', now} | {'kept', now} | {'late', now}
-- With a reused generation it ends the session only if that token is older than the current one, not below the
-- floor, and the grace is over. The record comes with the answer when its data revision is not the known one;
-- sent again, as a client does after a lost connection, it comes again.
-- @include _lib.lua
-- @include _end.lua
-- @include _rotation.lua
local not_after, shift, id, detail = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local kept, grace, known_revision = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[8]
local kept_events = tonumber(ARGV[12])
local now = server_now(shift)
local answered = known_revision ~= '' and redis.call('GET', KEYS[5])
if answered then return {'ended', now, answered} end
if now > not_after then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then
  if redis.call('ZREM', KEYS[3], id) == 1 then note_lost(id, now) end
  local written = write_history(KEYS[6], kept_events)
  if redis.call('EXISTS', KEYS[2]) == 1 then return {'ended_before', now, written} end
  return {'unknown', now, written}
end

if ARGV[9] ~= '' and #record >= HEADER then
  if string.byte(record, 1) > VERSION then return {'unsupported', now} end
  local generation, block = tonumber(ARGV[9]), read_block(record)
  local older = generation < u24(record, 8) and generation >= u24(record, 11)
  if not older or now <= (block and block.grace_until or 0) then return {'kept', now} end
end
end_session(KEYS[1], KEYS[2], KEYS[3], id, record, now, shift, ARGV[11], detail, kept)
local written = write_history(KEYS[6], kept_events)
local hash = user_hash(record)
if hash then
  redis.call('ZREM', ARGV[7] .. hash, id)
  follow_latest(ARGV[7] .. hash, KEYS[4], hash, shift, grace)
end
if known_revision ~= '' and #record >= HEADER and struct.unpack('>I4', record, 5) ~= tonumber(known_revision) then
  redis.call('SET', KEYS[5], record, 'PX', integer(tonumber(ARGV[10])))
  return {'ended', now, record, written}
end
return {'ended', now, false, written}
