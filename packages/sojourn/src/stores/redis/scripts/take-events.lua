-- Takes events of a bucket for a consumer of a group: what it was given before, what others let lie, new ones.
-- KEYS  1 totals of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 group  4 consumer  5 most events  6 let lie (ms)  7 '1' to ask for its own, too
-- answers  {'taken', now, 1 if there may be more, id, entry, id, entry ...}
--        | {'gap', now, entries trimmed, lost in hand so far, how many this group lost} | {'late', now}
-- The group's fields in the totals: g:<group> entries that it was given, or told that it lost; l:<group> entries that were
-- trimmed while it had them in hand, and m:<group> of how many of those it was told. A gap is told until it is acknowledged.
-- @include _lib.lua
-- @include _events.lua
local not_after, shift, group, consumer = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local most, lain = tonumber(ARGV[5]), ARGV[6]
local now = server_now(shift)
if now > not_after then return {'late', now} end
local totals, key = KEYS[1], events_key_of(KEYS[1])
local answer, gone = {'taken', now, 0}, {}
if redis.call('EXISTS', key) == 0 then return answer end

local fields = redis.call('HMGET', totals, 'k', 'g:' .. group, 'l:' .. group, 'm:' .. group)
local trimmed, position = tonumber(fields[1] or '0'), tonumber(fields[2])
-- A group begins with the oldest entry.
if not position then redis.call('HSET', totals, 'g:' .. group, trimmed) end
local in_hand = tonumber(fields[3] or '0')
local lost = math.max(0, trimmed - (position or trimmed)) + in_hand - tonumber(fields[4] or '0')
if lost > 0 then return {'gap', now, trimmed, in_hand, lost} end

-- Entries that were trimmed come without fields.
local function add(entries)
  for _, entry in ipairs(entries) do
    if entry and entry[2] then
      answer[#answer + 1] = entry[1]
      answer[#answer + 1] = entry[2][2]
    elseif entry then
      gone[#gone + 1] = entry[1]
    end
  end
end

local function read(from, count)
  local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', key, from)
  return reply and reply[1] and reply[1][2] or {}
end

-- A consumer that has nothing in hand is made again when it takes something; one that is gone would stay for ever.
local function forget_idle()
  for _, each in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
    local name, pending, idle = each[2], each[4], each[6]
    if pending == 0 and idle > tonumber(lain) then redis.call('XGROUP', 'DELCONSUMER', key, group, name) end
  end
end

local claimed = redis.pcall('XAUTOCLAIM', key, group, consumer, lain, '0', 'COUNT', most)
if claimed.err then
  redis.call('XGROUP', 'CREATE', key, group, '0')
else
  add(claimed[2])
  for _, id in ipairs(claimed[3] or {}) do gone[#gone + 1] = id end
  if ARGV[7] == '1' then
    forget_idle()
    answer = {'taken', now, 0}
    add(read('0', most))
  end
end
if #gone > 0 then
  redis.call('XACK', key, group, unpack(gone))
  redis.call('HINCRBY', totals, 'l:' .. group, #gone)
end

local left = most - (#answer - 3) / 2
if left > 0 then
  local fresh = read('>', left)
  if #fresh > 0 then redis.call('HINCRBY', totals, 'g:' .. group, #fresh) end
  add(fresh)
end
if #gone > 0 or #answer == 3 + 2 * most then answer[3] = 1 end
return answer
