-- Forgets what is kept of a user besides sessions: the epoch, and activities of the sessions that events still tell of.
-- KEYS  1 totals of the bucket  2 epoch of the user
-- ARGV  1 not after (ms)  2 shift (ms)  3 user hash  4 prefix of activities  5 first entry to look at  6 most entries
-- answers  {'erased', now, next entry or ''} | {'late', now}
-- @include _lib.lua
-- @include _events.lua
local not_after, shift, hash, most = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[6])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local entries = redis.call('XRANGE', events_key_of(KEYS[1]), ARGV[5], '+', 'COUNT', most)
for _, entry in ipairs(entries) do
  local event = entry[2][2]
  if string.sub(event, 39, 38 + string.byte(event, 38)) == hash then
    redis.call('DEL', ARGV[4] .. string.sub(event, 14, 37))
  end
end
redis.call('DEL', KEYS[2])
return {'erased', now, #entries == most and '(' .. entries[most][1] or ''}
