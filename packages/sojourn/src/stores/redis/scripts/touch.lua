-- Stores activity: last seen, idle deadline, index scores. Never data, never backwards.
-- KEYS  1 session  2 tombstone  3 expiries of the bucket  4 users of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 id  4 reap grace (ms)  5 least interval (ms)  6 prefix of user indexes
--       7 '1' to note that the token came back, once  8 idle timeout from then on (ms), unless that is shorter, or ''
--       9 when it is to end unless it is used again (ms), or ''
-- answers  {'touched', now, last seen} | {'gone', now, tombstone or false} | {'late', now}
-- @include _lib.lua
-- @include _rotation.lua
local not_after, shift, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local grace, interval, user_prefix, ends = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[9])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local head = redis.call('GETRANGE', KEYS[1], 0, HEADER_WITH_USER - 1)
if head == '' then return {'gone', now, redis.call('GET', KEYS[2])} end
if #head < HEADER or now >= expires_at(head) then return {'gone', now, false} end

local flags, seen, absolute, idle = string.byte(head, 2), struct.unpack('>I6I6I6', head, 21)
local confirms = ARGV[7] == '1' and flags % 2 == 0
if now - seen < interval and not confirms then return {'touched', now, seen} end
seen = math.max(seen, now)
if ends then idle = math.max(0, ends - seen) end
if confirms and ARGV[8] ~= '' then idle = math.max(idle, tonumber(ARGV[8])) end
local expires = math.min(seen + idle, absolute)
local expiry, dies = integer(expires), integer(expires + grace - shift)
-- First what frees or costs no memory: at a full memory the deadline still moves or nothing does.
redis.call('PEXPIREAT', KEYS[1], dies)
redis.call('SETRANGE', KEYS[1], 20, struct.pack('>I6I6I6', seen, absolute, idle))
if confirms then redis.call('SETRANGE', KEYS[1], 1, string.char(flags + 1)) end
if string.byte(head, 1) == VERSION and has_block(head) then
  -- @include _stale-wrap.lua
  local at = block_at(head)
  local block = redis.call('GETRANGE', KEYS[1], at - 1, at + 5)
  local wrap_at = stale_wrap_at(string.byte(block, 1), u48(block, 1), at, now)
  if wrap_at then redis.call('SETRANGE', KEYS[1], wrap_at, NO_WRAP) end
end
redis.call('ZADD', KEYS[3], 'XX', expiry, id)
local hash = user_hash(head)
if hash then
  local user_key = user_prefix .. hash
  redis.call('ZADD', user_key, 'XX', expiry, id)
  follow_raised(user_key, KEYS[4], hash, expiry, dies, shift, grace)
end
return {'touched', now, seen}
