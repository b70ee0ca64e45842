-- Ends sessions of a bucket whose time is over, and forgets what the indexes still say of dead ones.
-- KEYS  1 expiries of the bucket  2 users of the bucket  3 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 most sessions  4 tombstone kept (ms)  5 reap grace (ms)
--       6 prefix of sessions  7 prefix of tombstones  8 prefix of user indexes  9 id of the only session to look at, or ''
--       10 events kept
-- answers  {'reaped', now, how many ended, 1 if there may be more} | {'late', now}
-- The scores of an index are hints: the record says when its session is over. One whose record has died is counted too.
-- @include _lib.lua
-- @include _end.lua
local not_after, shift, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept, grace, user_prefix = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[8]
local now = server_now(shift)
if now > not_after then return {'late', now} end

local ended = 0

local function end_due(id)
  local session = ARGV[6] .. id
  local head = redis.call('GETRANGE', session, 0, HEADER_WITH_USER - 1)
  if head == '' then
    if redis.call('ZREM', KEYS[1], id) == 0 then return end
    note_lost(id, now)
  elseif #head >= HEADER and now < expires_at(head) then
    redis.call('ZADD', KEYS[1], 'XX', integer(expires_at(head)), id)
    return
  else
    end_session(session, ARGV[7] .. id, KEYS[1], id, head, now, shift, 'expired', EXPIRED, kept)
    local hash = user_hash(head)
    if hash then
      redis.call('ZREM', user_prefix .. hash, id)
      redis.call('ZREMRANGEBYSCORE', user_prefix .. hash, '-inf', integer(now - grace))
      follow_latest(user_prefix .. hash, KEYS[2], hash, shift, grace)
    end
  end
  ended = ended + 1
end

local due = {ARGV[9]}
if ARGV[9] == '' then due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', integer(now), 'LIMIT', 0, most) end
for _, id in ipairs(due) do end_due(id) end
local written = write_history(KEYS[3], tonumber(ARGV[10]))

-- Users whose latest session died unseen, and their index with it.
local idle = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', integer(now - grace), 'LIMIT', 0, most)
for _, hash in ipairs(idle) do follow_latest(user_prefix .. hash, KEYS[2], hash, shift, grace) end
return {'reaped', now, ended, (#due == most or #idle == most) and 1 or 0, written}
