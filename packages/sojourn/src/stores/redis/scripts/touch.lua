-- Stores activity: last seen, idle deadline, index scores. Never data, never backwards.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 reap grace (ms)  5 least interval (ms)  6 '1' to confirm  7 prefix of user indexes
-- answers  {'touched', now, last seen} | {'gone', now, tombstone or false} | {'late', now}
-- @include _lib.lua
-- @include _rotation.lua
local not_after, shift, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local grace, interval, confirm = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local now = server_now(shift)
if now > not_after then return {'late', now} end

local head = redis.call('GETRANGE', KEYS[1], 0, HEADER_WITH_USER - 1)
if head == '' then return {'gone', now, redis.call('GET', KEYS[2])} end
if #head < HEADER or now >= expires_at(head) then return {'gone', now, false} end

local seen = u48(head, 20)
if now - seen < interval and not confirm then return {'touched', now, seen} end
seen = math.max(seen, now)
local expiry = math.min(seen + u48(head, 32), u48(head, 26))
-- First what frees or costs no memory: at a full memory the deadline still moves or nothing does.
redis.call('PEXPIREAT', KEYS[1], integer(expiry + grace - shift))
redis.call('SETRANGE', KEYS[1], 20, struct.pack('>I6', seen))
if confirm then
  local flags = string.byte(head, 2)
  redis.call('SETRANGE', KEYS[1], 1, string.char(bit.bor(flags, 1)))
end
if string.byte(head, 1) == VERSION and has_block(head) then
  local at = block_at(head)
  local block = redis.call('GETRANGE', KEYS[1], at - 1, at + 5)
  local wrap_at = stale_wrap_at(string.byte(block, 1), u48(block, 1), at, now)
  if wrap_at then redis.call('SETRANGE', KEYS[1], wrap_at, NO_WRAP) end
end
redis.call('ZADD', KEYS[3], 'XX', integer(expiry), id)
local hash = user_hash(head)
if hash then
  redis.call('ZADD', ARGV[7] .. hash, 'XX', integer(expiry), id)
  follow_latest(ARGV[7] .. hash, KEYS[4], hash, shift, grace)
end
return {'touched', now, seen}
