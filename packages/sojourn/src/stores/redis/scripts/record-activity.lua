-- Adds to the activities of a session.
-- KEYS  1 session  2 tombstone  3 activities
-- ARGV  1 not after (ms)  2 shift (ms)  3 entry  4 most entries  5 kept (ms)  6 '1' also when the session has ended
-- answers  {'recorded', now} | {'gone', now, tombstone or false} | {'late', now}
-- Sent again it adds nothing: each entry is a text of its own.
-- @include _lib.lua
local not_after, shift, entry = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local most, kept, after_ending = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local now = server_now(shift)
if now > not_after then return {'late', now} end

local head = redis.call('GETRANGE', KEYS[1], 0, HEADER - 1)
if head == '' then
  local tombstone = redis.call('GET', KEYS[2])
  if not (tombstone and after_ending) then return {'gone', now, tombstone} end
elseif #head < HEADER or now >= expires_at(head) then
  return {'gone', now, false}
end
if not redis.call('LPOS', KEYS[3], entry) then
  redis.call('LPUSH', KEYS[3], entry)
  redis.call('LTRIM', KEYS[3], 0, most - 1)
  redis.call('PEXPIRE', KEYS[3], integer(kept))
end
return {'recorded', now}
