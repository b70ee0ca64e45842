-- Compares a page of a bucket's indexes with the records.
-- KEYS  1 expiries of the bucket  2 users of the bucket  3 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 '1' to repair  4 reap grace (ms)  5 prefix of sessions  6 prefix of user indexes
--       7 'x' for the expiries, 'n' for the users  8 least score  9 how many of that score to pass over  10 entries of a page
--       11 most sessions of one user  12 events kept
-- answers  {'checked', now, sessions met, next score or '', next pass over, kind, what, kind, what ...} | {'late', now}
-- Kinds: no_record (an index names a session that has no record), wrong_expiry, not_indexed, wrong_user. An entry that
-- leads nowhere is removed; everything else takes what the record says.
-- @include _lib.lua
-- @include _history.lua
local not_after, shift, repair, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', tonumber(ARGV[4])
local user_prefix, phase, from, skip, most = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local answer = {'checked', now, 0, '', 0}

local function differs(kind, what, ...)
  answer[#answer + 1], answer[#answer + 2] = kind, what
  if repair then redis.call(...) end
end

-- The head of a session that an index names; nil for one that has no record.
local function head_of(id)
  local head = redis.call('GETRANGE', ARGV[5] .. id, 0, HEADER_WITH_USER - 1)
  if #head >= HEADER then return head end
end

-- An index must hold this score for the member.
local function compare(key, member, expected, what)
  local score = redis.call('ZSCORE', key, member)
  if not score then
    differs('not_indexed', what, 'ZADD', key, integer(expected), member)
  elseif tonumber(score) ~= expected then
    differs('wrong_expiry', what, 'ZADD', key, integer(expected), member)
  end
end

local function check_session(id)
  answer[3] = answer[3] + 1
  local head = head_of(id)
  if not head then
    differs('no_record', id, 'ZREM', KEYS[1], id)
    if repair then note_lost(id, now) end
    return
  end
  local hash = user_hash(head)
  compare(KEYS[1], id, expires_at(head), id)
  if hash then compare(user_prefix .. hash, id, expires_at(head), id) end
end

local function check_user(hash)
  local key = user_prefix .. hash
  for _, id in ipairs(redis.call('ZRANGE', key, 0, tonumber(ARGV[11]) - 1)) do
    local head = head_of(id)
    if not head or user_hash(head) ~= hash then
      differs('no_record', id, 'ZREM', key, id)
    elseif not redis.call('ZSCORE', KEYS[1], id) then
      differs('not_indexed', id, 'ZADD', KEYS[1], integer(expires_at(head)), id)
    end
  end
  local latest, score = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2], redis.call('ZSCORE', KEYS[2], hash)
  if latest ~= score then differs('wrong_user', hash, 'ZREM', KEYS[2], hash) end
  if repair then follow_latest(key, KEYS[2], hash, shift, grace) end
end

local index = KEYS[phase == 'x' and 1 or 2]
local page = redis.call('ZRANGEBYSCORE', index, from, '+inf', 'WITHSCORES', 'LIMIT', skip, most)
for i = 1, #page, 2 do
  if phase == 'x' then check_session(page[i]) else check_user(page[i]) end
  if page[i + 1] ~= from then from, skip = page[i + 1], 0 end
  -- What a repair removed or moved is not there to be passed over.
  if redis.call('ZSCORE', index, page[i]) == page[i + 1] then skip = skip + 1 end
end
local written = write_history(KEYS[3], tonumber(ARGV[12]))
if #page == 2 * most then answer[4], answer[5] = from, skip end
answer[#answer + 1] = written
return answer
