-- Ends those of the given sessions that began before an epoch; at most 100 a call.
-- KEYS  1 expiries of the bucket  2 users of the bucket  3 sessions of the user  4 operation  5 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 epoch  4 reason and actor (JSON)  5 tombstone kept (ms)  6 reap grace (ms)
--       7 prefix of sessions  8 prefix of tombstones  9 user hash  10 live ones ended before  11 operation kept (ms)  12 reason as counted
--       13 events kept  14.. ids
-- answers  {'ended', now, live ones ended by the operation so far} | {'late', now}
-- The operation remembers epoch and count, so that sent again it answers the same.
-- @include _lib.lua
-- @include _end.lua
local not_after, shift, epoch, detail = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local kept, grace, hash = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[9]
local ended_before, operation_kept = tonumber(ARGV[10]), ARGV[11]
local now = server_now(shift)
if now > not_after then return {'late', now} end

local remembered = string.match(redis.call('GET', KEYS[4]) or '', ' (%d+)')
local ended = math.max(ended_before, tonumber(remembered or '0'))
local live = 0
for i = 14, #ARGV do
  local id = ARGV[i]
  local head = redis.call('GETRANGE', ARGV[7] .. id, 0, HEADER_WITH_USER - 1)
  if head == '' then
    redis.call('ZREM', KEYS[3], id)
  elseif #head < HEADER or u48(head, 44) < epoch then
    if #head >= HEADER and now < expires_at(head) then live = live + 1 end
    end_session(ARGV[7] .. id, ARGV[8] .. id, KEYS[1], id, head, now, shift, ARGV[12], detail, kept)
    redis.call('ZREM', KEYS[3], id)
  end
end
follow_latest(KEYS[3], KEYS[2], hash, shift, grace)
local written = write_history(KEYS[5], tonumber(ARGV[13]))
if live > 0 then redis.call('SET', KEYS[4], integer(epoch) .. ' ' .. integer(ended + live), 'PX', operation_kept) end
return {'ended', now, ended + live, written}
