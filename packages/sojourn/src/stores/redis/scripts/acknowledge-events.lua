-- A group is done with events of a bucket, or was told of a gap. Sent again it changes nothing more.
-- KEYS  1 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 group  4 entries trimmed, or '' for no gap  5 lost in hand so far  6.. ids
-- answers  {'acknowledged', now} | {'late', now}
-- @include _lib.lua
-- @include _events.lua
local not_after, shift, group = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local now = server_now(shift)
if now > not_after then return {'late', now} end

local function raise(field, value)
  if tonumber(redis.call('HGET', KEYS[1], field) or '0') < tonumber(value) then redis.call('HSET', KEYS[1], field, value) end
end

for i = 6, #ARGV do redis.call('XACK', events_key_of(KEYS[1]), group, ARGV[i]) end
if ARGV[4] ~= '' then
  raise('g:' .. group, ARGV[4])
  raise('m:' .. group, ARGV[5])
end
return {'acknowledged', now}
