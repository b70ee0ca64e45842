-- Notes a cut-off, for every process or for the scripts of one bucket. The latest of a policy stands.
-- KEYS  1 cut-offs
-- ARGV  1 not after (ms)  2 shift (ms)  3 '*' or '=' and a policy  4 before (ms)  5 kept (ms)  6 reason and actor (JSON)
--       7 how far ahead the clocks may be by which sessions were begun (ms)
-- answers  {'noted', now, before} | {'late', now}
-- A time still to come counts as now. Sent again it answers the same, but then a later now.
-- @include _lib.lua
local not_after, shift, name = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local before, kept, cut_off = tonumber(ARGV[4]), tonumber(ARGV[5]), cjson.decode(ARGV[6])
local now = server_now(shift)
if now > not_after then return {'late', now} end

before = math.min(before, now + tonumber(ARGV[7]))
local all = cjson.decode(redis.call('GET', KEYS[1]) or '{}')
for other, each in pairs(all) do
  if each.at + kept <= now then all[other] = nil end
end
if not all[name] or all[name].before < before then
  cut_off.before, cut_off.at = before, now
  all[name] = cut_off
end
-- A write that takes no memory comes first: at a full memory Redis then lets the other pass.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], cjson.encode(all), 'PX', integer(kept))
return {'noted', now, before}
