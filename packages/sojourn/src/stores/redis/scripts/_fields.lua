-- The fields of a record, spliced by the directory's lengths: no value is parsed.
local MAX_SAFE = 9007199254740991

local function safe_integer(text, number)
  return string.match(text, '^-?%d+$') and text ~= '-0' and integer(number) == text and math.abs(number) <= MAX_SAFE
end

-- Names in order, each value's text, and whether it is encrypted; nil when lengths do not add up to the byte.
local function read_fields(record, directory_at, count)
  local names, lengths, encrypted, values, position = {}, {}, {}, {}, {}
  local at = directory_at
  for i = 1, count do
    if at + 4 > #record then return nil end
    local first = string.byte(record, at)
    local name_end = at + 4 + first % 128
    names[i], encrypted[i] = string.sub(record, at + 4, name_end), first >= 128
    lengths[i] = struct.unpack('>I3', record, at + 1)
    position[names[i]] = i
    at = name_end + 1
  end
  local bytes = 0
  for pass = 1, 2 do
    local plain = pass == 1
    local any = false
    for i = 1, count do
      if encrypted[i] ~= plain then
        values[i] = string.sub(record, at, at + lengths[i] - 1)
        at = at + lengths[i] + (plain and 1 or 0)
        any = true
        bytes = bytes + #names[i] + lengths[i]
      end
    end
    if plain and any then at = at - 1 end
  end
  if at ~= #record + 1 then return nil end
  return {count = count, names = names, encrypted = encrypted, values = values, position = position, bytes = bytes}
end

-- Whether a field is plain and has this text, or is absent for ''.
local function has_text(fields, name, text)
  local i = fields.position[name]
  if text == '' or not i then return text == '' and not i end
  return not fields.encrypted[i] and fields.values[i] == text
end

local function set_field(fields, name, value, encrypted)
  local i = fields.position[name]
  if not i then
    i = fields.count + 1
    fields.count, fields.position[name], fields.names[i] = i, i, name
  end
  fields.values[i], fields.encrypted[i] = value, encrypted
end

local function delete_field(fields, name)
  local i = fields.position[name]
  if i then fields.position[name], fields.values[i] = nil, nil end
end

-- The record with these fields in place of its own, how many they are, and the bytes of names and values.
local function with_fields(record, directory_at, revision, fields)
  local directory, plain, hidden, count, bytes = {}, {}, {}, 0, 0
  for i = 1, fields.count do
    local name, value, encrypted = fields.names[i], fields.values[i], fields.encrypted[i]
    if value then
      count = count + 1
      bytes = bytes + #name + #value
      directory[count] = struct.pack('>I1I3', #name - 1 + (encrypted and 128 or 0), #value) .. name
      if encrypted then hidden[#hidden + 1] = value else plain[#plain + 1] = value end
    end
  end
  local written = table.concat({
    string.sub(record, 1, 4), struct.pack('>I4', revision), string.sub(record, 9, 68), struct.pack('>I2', count),
    string.sub(record, 71, directory_at - 1),
    table.concat(directory), table.concat(plain, ','), table.concat(hidden),
  })
  return written, count, bytes
end
