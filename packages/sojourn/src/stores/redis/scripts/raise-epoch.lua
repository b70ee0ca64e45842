-- Begins the end of all sessions of a user: raises the epoch and re-stamps the session that stays.
-- KEYS  1 epoch of the user  2 sessions of the user  3 operation  [4 session that stays]
-- ARGV  1 not after (ms)  2 shift (ms)  3 epoch kept (ms)  4 operation kept (ms)  5 user hash  6 most ids
-- answers  {'raised', now, epoch, live ones ended by the operation so far, id, id, ...}: the first of those that may have begun before | {'late', now}
-- Sent again with its operation key it answers the same epoch: logins in between stay.
-- @include _lib.lua
-- @include _publish.lua
local not_after, shift = tonumber(ARGV[1]), tonumber(ARGV[2])
local epoch_kept, operation_kept = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = server_now(shift)
local remembered, ended = string.match(redis.call('GET', KEYS[3]) or '', '(%d+) (%d+)')
local epoch = tonumber(remembered or '0')
if epoch == 0 and now > not_after then return {'late', now} end
if epoch == 0 then
  -- A write that takes no memory comes first: at a full memory Redis then lets the others pass.
  redis.call('DEL', KEYS[3])
  local before = tonumber(redis.call('GET', KEYS[1]) or '0')
  epoch = math.max(before + 1, now)
  redis.call('SET', KEYS[1], integer(epoch), 'PX', integer(epoch_kept))
  redis.call('SET', KEYS[3], integer(epoch) .. ' 0', 'PX', integer(operation_kept))
  -- Another user may share the bucket: that user's session is no exception, and keeps its bytes. Nor is one that
  -- an operation before this one is about to end.
  local head = KEYS[4] and redis.call('GETRANGE', KEYS[4], 0, HEADER_WITH_USER - 1)
  if head and user_hash(head) == ARGV[5] and u48(head, 44) >= before then
    redis.call('SETRANGE', KEYS[4], 44, struct.pack('>I6', epoch))
    publish_change(KEYS[4], head)
  end
end
local answer = {'raised', now, epoch, tonumber(ended or '0')}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[6]) - 1)) do answer[#answer + 1] = id end
return answer
