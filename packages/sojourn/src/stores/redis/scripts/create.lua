-- Stores a new session and indexes it, within the limit of its user and in place of another session.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 totals of the bucket  5 users of the bucket
--       6 cut-offs of the bucket  [7 sessions of the user  8 epoch of the user  9 disabled users of the bucket]
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 record  5 reap grace (ms)  6 user hash or ''  7 events kept
--       [8 prefix of sessions  9 prefix of tombstones  10 prefix of user indexes  11 tombstone kept (ms)
--       12 id that it replaces, or ''  13 reason and actor of that ending (JSON)  14 reason as counted
--       15 most sessions of the user, or 0  16 '1' to refuse what is over it  17 how long a token may take to come back (ms)
--       18 most sessions ended at once]  where others may end for it
-- answers  {'created', now, user epoch, ids that were ended ...} | {'gone', now, tombstone} | {'limited', now, how many count}
--        | {'disabled', now} | {'late', now}
--        | {'again', now, 0, ids that were ended ...}: a part of those that are over the limit; stored nothing
-- Sent again it answers the same and ends nobody; it never brings back an id that was ended, nor stores what began before a cut-off.
-- What few calls need is included where it is needed: Redis makes every function anew whenever the script runs.
-- @include _lib.lua
-- @include _events.lua
local not_after, shift, id, record, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local hash, kept_events = ARGV[6], tonumber(ARGV[7])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local tombstone, cut_offs = redis.call('GET', KEYS[2]), redis.call('GET', KEYS[6])
if cut_offs and not tombstone then
  -- @include _rotation.lua
  -- @include _metadata.lua
  -- @include _cut-offs.lua
  tombstone = cut_off(cut_offs, record)
end
if tombstone then return {'gone', now, tombstone} end
local stored = redis.call('GETRANGE', KEYS[1], 0, 49)
if stored ~= '' then return {'created', now, u48(stored, 44)} end

local epoch = 0
if hash ~= '' then
  if redis.call('SISMEMBER', KEYS[9], hash) == 1 then return {'disabled', now} end
  epoch = tonumber(redis.call('GET', KEYS[8]) or 0)
end

local ended = {}
if ARGV[8] then
  -- @include _end.lua
  -- @include _limit.lua
  local session_prefix, tombstone_prefix, user_prefix, kept = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
  local replaced, limit, await, chunk = ARGV[12], tonumber(ARGV[15]), tonumber(ARGV[17]), tonumber(ARGV[18])
  local function finish(other, head, reason, detail)
    ended[#ended + 1] = other
    end_session(session_prefix .. other, tombstone_prefix .. other, KEYS[3], other, head, now, shift, reason, detail, kept)
  end
  if hash ~= '' and limit > 0 then
    local found, counted, more = sessions_of(KEYS[7], KEYS[3], session_prefix, replaced, epoch, now - await, now, limit + chunk)
    if ARGV[16] == '1' and counted >= limit then
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
    finish(replaced, head, ARGV[14], ARGV[13])
    local owner = user_hash(head)
    if owner then
      redis.call('ZREM', user_prefix .. owner, replaced)
      follow_latest(user_prefix .. owner, KEYS[5], owner, shift, grace)
    end
  end
  write_endings(KEYS[4])
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
  follow_raised(KEYS[7], KEYS[5], hash, expiry, dies, shift, grace)
end
redis.call('HINCRBY', KEYS[4], 'c', 1)
note_event('c', now, string.sub(record, 15, 20), id, hash, '')
ended[#ended + 1] = write_events(KEYS[4], kept_events)
return {'created', now, epoch, unpack(ended)}
