-- Stores, takes away or counts up a value of another library. An empty one stands for a value that was taken away.
-- KEYS  1 value  2 operation  3 values of the bucket
-- ARGV  1 not after (ms)  2 shift (ms)  3 operation kept (ms)  4 id  5 'set', 'take' or 'add'
--       6 when it ends (ms); of 'take' how long that is remembered (ms)  7 value  8 '1' to store it also where one was taken away
-- answers  {'done', now, value that was taken or sum, or ''} | {'refused', now} | {'late', now}
-- Sent again it changes nothing more and answers the same.
-- @include _values.lua
local not_after, shift, operation_kept, id = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local kind, ends, value, revives = ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8] == '1'
local now = server_now(shift)
local answer = redis.call('GET', KEYS[2])
if answer then return {'done', now, answer} end
if now > not_after then return {'late', now} end

local held = redis.call('GET', KEYS[1])
answer = ''
if kind == 'set' then
  if held == '' and not revives then return {'refused', now} end
  put_value(KEYS[1], KEYS[3], id, value, ends, now, shift)
elseif kind == 'take' then
  if held and held ~= '' then
    answer = held
    put_value(KEYS[1], KEYS[3], id, '', now + ends, now, shift)
  end
elseif not held or held == '' then
  answer = '1'
  put_value(KEYS[1], KEYS[3], id, answer, ends, now, shift)
elseif #held <= 15 and (held == '0' or string.find(held, '^[1-9]%d*$')) then
  answer = integer(tonumber(held) + 1)
  redis.call('SET', KEYS[1], answer, 'KEEPTTL')
else
  return {'refused', now}
end
redis.call('SET', KEYS[2], answer, 'PX', integer(operation_kept))
return {'done', now, answer}
