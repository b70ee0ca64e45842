-- Ends those of the given sessions that began before a cut-off; at most 100 a call. What is over already is for the reaper.
-- KEYS  1 expiries of the bucket  2 users of the bucket  3 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 reason and actor (JSON)  4 reason as counted  5 tombstone kept (ms)  6 reap grace (ms)
--       7 prefix of sessions  8 prefix of tombstones  9 prefix of user indexes  10 before (ms)  11 '*', or '=' and a policy
--       12 events kept  13.. ids
-- answers  {'ended', now, how many} | {'late', now}
-- @include _lib.lua
-- @include _end.lua
-- @include _rotation.lua
-- @include _metadata.lua
local not_after, shift, detail, reason = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local kept, grace, sessions, tombstones, indexes = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
local before, policy = tonumber(ARGV[10]), ARGV[11]
local now = server_now(shift)
if now > not_after then return {'late', now} end

local ended, hashes = 0, {}
for i = 13, #ARGV do
  local id, key = ARGV[i], sessions .. ARGV[i]
  local head = redis.call('GETRANGE', key, 0, HEADER_WITH_USER - 1)
  local earlier = #head >= HEADER and now < expires_at(head) and u48(head, 14) < before
  if earlier and (policy == '*' or policy_name(redis.call('GET', key)) == policy) then
    ended = ended + 1
    end_session(key, tombstones .. id, KEYS[1], id, head, now, shift, reason, detail, kept)
    local hash = user_hash(head)
    if hash then
      redis.call('ZREM', indexes .. hash, id)
      hashes[hash] = true
    end
  end
end
for hash in pairs(hashes) do follow_latest(indexes .. hash, KEYS[2], hash, shift, grace) end
return {'ended', now, ended, write_history(KEYS[3], tonumber(ARGV[12]))}
