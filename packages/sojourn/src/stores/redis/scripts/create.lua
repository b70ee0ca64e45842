-- Stores a new session and indexes it, within the limit of its user and in place of another session.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 totals of the bucket  5 users of the bucket
--       6 cut-offs of the bucket  [7 sessions of the user  8 epoch of the user  9 disabled users of the bucket]
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 record  5 reap grace (ms)  6 user hash or ''
--       7 prefix of sessions  8 prefix of tombstones  9 prefix of user indexes  10 tombstone kept (ms)
--       11 id that it replaces, or ''  12 reason and actor of that ending (JSON)  13 reason as counted
--       14 most sessions of the user, or 0  15 '1' to refuse what is over it  16 how long a token may take to come back (ms)
--       17 most sessions ended at once  18 events kept
-- answers  {'created', now, user epoch, ids that were ended ...} | {'gone', now, tombstone} | {'limited', now, how many count}
--        | {'disabled', now} | {'late', now}
--        | {'again', now, 0, ids that were ended ...}: a part of those that are over the limit; stored nothing
-- Sent again it answers the same and ends nobody; it never brings back an id that was ended, nor stores what began before a cut-off.
-- @include _lib.lua
-- @include _end.lua
-- @include _limit.lua
-- @include _rotation.lua
-- @include _metadata.lua
-- @include _cut-offs.lua
local not_after, shift, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local record, grace, hash = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local session_prefix, tombstone_prefix, user_prefix, kept = ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local replaced, limit, await, chunk = ARGV[11], tonumber(ARGV[14]), tonumber(ARGV[16]), tonumber(ARGV[17])
local kept_events = tonumber(ARGV[18])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local tombstone = redis.call('GET', KEYS[2]) or cut_off(KEYS[6], record)
if tombstone then return {'gone', now, tombstone} end
local stored = redis.call('GETRANGE', KEYS[1], 0, 49)
if stored ~= '' then return {'created', now, u48(stored, 44)} end

if hash ~= '' and redis.call('SISMEMBER', KEYS[9], hash) == 1 then return {'disabled', now} end

local ended = {}
local function finish(other, head, reason, detail)
  ended[#ended + 1] = other
  end_session(session_prefix .. other, tombstone_prefix .. other, KEYS[3], other, head, now, shift, reason, detail, kept)
end

local epoch = 0
if hash ~= '' then epoch = tonumber(redis.call('GET', KEYS[8]) or '0') end
if hash ~= '' and limit > 0 then
  local found, counted, more = sessions_of(KEYS[7], KEYS[3], session_prefix, replaced, epoch, now - await, now, limit + chunk)
  if ARGV[15] == '1' and counted >= limit then
    return {'limited', now, counted, write_history(KEYS[4], kept_events)}
  end
  -- Whoever is not among the last of some is not among the last of all, however many there are more.
  for i = 1, #found - (limit - 1) do
    finish(found[i].id, found[i].head, 'evicted', EVICTED)
    redis.call('ZREM', KEYS[7], found[i].id)
  end
  if more then
    follow_latest(KEYS[7], KEYS[5], hash, shift, grace)
    ended[#ended + 1] = write_history(KEYS[4], kept_events)
    return {'again', now, 0, unpack(ended)}
  end
end
local head = replaced ~= '' and redis.call('GETRANGE', session_prefix .. replaced, 0, HEADER_WITH_USER - 1) or ''
if head ~= '' then
  finish(replaced, head, ARGV[13], ARGV[12])
  local owner = user_hash(head)
  if owner then
    redis.call('ZREM', user_prefix .. owner, replaced)
    follow_latest(user_prefix .. owner, KEYS[5], owner, shift, grace)
  end
end

if u48(record, 44) ~= epoch then
  record = string.sub(record, 1, 44) .. struct.pack('>I6', epoch) .. string.sub(record, 51)
end
local expires = expires_at(record)
local expiry, dies = integer(expires), integer(expires + grace - shift)
redis.call('SET', KEYS[1], record, 'PXAT', dies)
redis.call('ZADD', KEYS[3], expiry, id)
if hash ~= '' then
  redis.call('ZADD', KEYS[7], expiry, id)
  follow_added(KEYS[7], KEYS[5], hash, expiry, dies, shift, grace)
end
redis.call('HINCRBY', KEYS[4], 'c', 1)
note_event('c', now, string.sub(record, 15, 20), id, hash, '')
ended[#ended + 1] = write_history(KEYS[4], kept_events)
return {'created', now, epoch, unpack(ended)}
