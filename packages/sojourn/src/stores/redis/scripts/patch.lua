-- Changes fields of a session: all of them or none. Moves no deadline, revives nothing.
-- KEYS  1 session  2 tombstone  3 operation
-- ARGV  1 not after (ms)  2 shift (ms)  3 operation kept (ms)  4 greatest size (bytes)  5 expected revision or ''
--       6 most fields  7.. per change: 's' name json | 'd' name '' | 'i' name by
-- answers  {'patched', now, previous revision, revision, increment results ...}
--        | {'conflict', now, record} | {'too_large', now, bytes} | {'too_many_fields', now} | {'wrong_kind', now, name}
--        | {'gone', now, tombstone or false} | {'late', now} | {'unsupported', now}
-- Values are spliced by the directory's lengths and never parsed, but for the integer that `i` adds to.
-- @include _lib.lua
local not_after, shift, operation_kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local max_bytes, expected, max_fields = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local now = server_now(shift)
if now > not_after then return {'late', now} end

local before = redis.call('GET', KEYS[3])
if before then
  local answer = {'patched', now}
  for number in string.gmatch(before, '%S+') do answer[#answer + 1] = tonumber(number) end
  return answer
end
local record = redis.call('GET', KEYS[1])
if not record then return {'gone', now, redis.call('GET', KEYS[2])} end
if #record < HEADER or now >= expires_at(record) then return {'gone', now, false} end
if string.byte(record, 1) ~= 1 then return {'unsupported', now} end
local revision = struct.unpack('>I4', record, 5)
if expected ~= '' and revision ~= tonumber(expected) then return {'conflict', now, record} end

-- Where the directory begins: header, user, rotation block, metadata.
local id_length, flags = string.byte(record, 4), string.byte(record, 2)
local at = 71
if id_length > 0 then at = at + 16 + id_length end
if bit.band(flags, 2) ~= 0 then at = at + 65 end
at = at + struct.unpack('>I2', record, 67)
local directory_at, count = at, struct.unpack('>I2', record, 69)

-- Field names in order, each value's text, and whether it is encrypted.
local names, lengths, encrypted, values = {}, {}, {}, {}
for i = 1, count do
  if at + 4 > #record then return {'gone', now, false} end
  local first = string.byte(record, at)
  encrypted[i] = first >= 128
  local name_end = at + 4 + first % 128
  lengths[i] = struct.unpack('>I3', record, at + 1)
  names[i] = string.sub(record, at + 4, name_end)
  at = name_end + 1
end
local old_bytes, new_bytes = 0, 0
for pass = 1, 2 do
  local plain = pass == 1
  local any = false
  for i = 1, count do
    if encrypted[i] ~= plain then
      values[i] = string.sub(record, at, at + lengths[i] - 1)
      at = at + lengths[i] + (plain and 1 or 0)
      any = true
      old_bytes = old_bytes + #names[i] + lengths[i]
    end
  end
  if plain and any then at = at - 1 end
end
-- Lengths that do not add up to the byte: a corrupt record is not written to; the next read ends it.
if at ~= #record + 1 then return {'gone', now, false} end

local MAX_SAFE = 9007199254740991
local function safe_integer(text, number)
  return string.match(text, '^-?%d+$') and text ~= '-0' and integer(number) == text and math.abs(number) <= MAX_SAFE
end

local position = {}
for i = 1, count do position[names[i]] = i end
local answer = {'patched', now, revision, (revision + 1) % 4294967296}
local function put(name, value)
  local i = position[name]
  if not i then
    count = count + 1
    i = count
    position[name], names[i] = i, name
  end
  values[i], encrypted[i] = value, false
end
for c = 7, #ARGV, 3 do
  local kind, name, value = ARGV[c], ARGV[c + 1], ARGV[c + 2]
  if kind == 's' then
    put(name, value)
  elseif kind == 'd' then
    local i = position[name]
    if i then position[name], values[i] = nil, nil end
  else
    local i = position[name]
    local current = 0
    if i then
      current = tonumber(values[i])
      if encrypted[i] or not safe_integer(values[i], current) then
        return {'wrong_kind', now, name}
      end
    end
    local sum = current + tonumber(value)
    if math.abs(sum) > MAX_SAFE then return {'wrong_kind', now, name} end
    put(name, integer(sum))
    answer[#answer + 1] = sum
  end
end

local directory, plain, hidden, fields = {}, {}, {}, 0
for i = 1, count do
  local value = values[i]
  if value then
    fields = fields + 1
    new_bytes = new_bytes + #names[i] + #value
    directory[fields] = struct.pack('>I1I3', #names[i] - 1 + (encrypted[i] and 128 or 0), #value) .. names[i]
    if encrypted[i] then hidden[#hidden + 1] = value else plain[#plain + 1] = value end
  end
end
if fields > max_fields then return {'too_many_fields', now} end
if new_bytes > max_bytes and new_bytes > old_bytes then return {'too_large', now, new_bytes} end

redis.call('SET', KEYS[1], table.concat({
  string.sub(record, 1, 4), struct.pack('>I4', answer[4]), string.sub(record, 9, 68), struct.pack('>I2', fields),
  string.sub(record, 71, directory_at - 1), table.concat(directory), table.concat(plain, ','), table.concat(hidden),
}), 'KEEPTTL')
local numbers = {}
for i = 3, #answer do numbers[#numbers + 1] = integer(answer[i]) end
redis.call('SET', KEYS[3], table.concat(numbers, ' '), 'PX', integer(operation_kept))
return answer
