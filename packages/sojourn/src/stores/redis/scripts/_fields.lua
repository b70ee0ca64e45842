-- The fields of a record, spliced by the directory's lengths: no value is parsed, and what lies before the first and after
-- the last field that changes is copied as it stands.
local MAX_SAFE = 9007199254740991

local function safe_integer(text, number)
  return string.match(text, '^-?%d+$') and text ~= '-0' and integer(number) == text and math.abs(number) <= MAX_SAFE
end

-- Names in order, and where entries and values begin, or would (`plain`, `sealed`: one more than there are fields); nil
-- when lengths do not add up to the byte. Changes: `values` (false: deleted), `is_sealed`; `bytes` of what is `left`.
local function read_fields(record, directory_at, count)
  local names, is_sealed, entries, plain, sealed, position, bytes = {}, {}, {directory_at}, {0}, {0}, {}, 0
  local at, plain_end, sealed_end = directory_at, 0, 0
  for i = 1, count do
    if at + 4 > #record then return nil end
    local first, length = string.byte(record, at), struct.unpack('>I3', record, at + 1)
    local name_end = at + 4 + first % 128
    local name = string.sub(record, at + 4, name_end)
    if first >= 128 then sealed_end = sealed_end + length else plain_end = plain_end + length + 1 end
    at, bytes = name_end + 1, bytes + #name + length
    names[i], is_sealed[i], position[name] = name, first >= 128, i
    entries[i + 1], plain[i + 1], sealed[i + 1] = at, plain_end, sealed_end
  end
  local sealed_at = at + math.max(plain_end - 1, 0)
  if sealed_at + sealed_end ~= #record + 1 then return nil end
  return {record = record, stored = count, count = count, left = count, bytes = bytes, names = names, position = position,
    is_sealed = is_sealed, entries = entries, plain = plain, sealed = sealed, plain_at = at, sealed_at = sealed_at,
    values = {}, first = count + 1, last = 0}
end

-- The plain or the sealed values of stored fields as they stand, '' for none.
local function plain_of(fields, from, to)
  return string.sub(fields.record, fields.plain_at + fields.plain[from], fields.plain_at + fields.plain[to + 1] - 2)
end
local function sealed_of(fields, from, to)
  return string.sub(fields.record, fields.sealed_at + fields.sealed[from], fields.sealed_at + fields.sealed[to + 1] - 1)
end

local function value_of(fields, i)
  if fields.values[i] ~= nil then return fields.values[i] end
  return fields.is_sealed[i] and sealed_of(fields, i, i) or plain_of(fields, i, i)
end

-- Whether a field is plain and has this text, or is absent for ''.
local function has_text(fields, name, text)
  local i = fields.position[name]
  if text == '' or not i then return text == '' and not i end
  return not fields.is_sealed[i] and value_of(fields, i) == text
end

local function change(fields, i, value, sealed)
  fields.bytes = fields.bytes - #value_of(fields, i) + #(value or '')
  fields.values[i], fields.is_sealed[i] = value, sealed
  if i <= fields.stored then fields.first, fields.last = math.min(fields.first, i), math.max(fields.last, i) end
end

local function set_field(fields, name, value, sealed)
  local i = fields.position[name]
  if not i then
    i = fields.count + 1
    fields.count, fields.left, fields.bytes = i, fields.left + 1, fields.bytes + #name
    fields.position[name], fields.names[i], fields.values[i] = i, name, ''
  end
  change(fields, i, value, sealed)
end

local function delete_field(fields, name)
  local i = fields.position[name]
  if not i then return end
  change(fields, i, false)
  fields.position[name], fields.left, fields.bytes = nil, fields.left - 1, fields.bytes - #name
end

-- The record with these fields in place of its own.
local function with_fields(fields, revision)
  local record, entries, directory, plain, sealed = fields.record, fields.entries, {}, {}, {}
  local function copy(from, to)
    if from > to then return end
    directory[#directory + 1] = string.sub(record, entries[from], entries[to + 1] - 1)
    if fields.plain[to + 1] > fields.plain[from] then plain[#plain + 1] = plain_of(fields, from, to) end
    sealed[#sealed + 1] = sealed_of(fields, from, to)
  end
  local function write(from, to)
    for i = from, to do
      local name, value, list = fields.names[i], value_of(fields, i), fields.is_sealed[i] and sealed or plain
      if value then
        directory[#directory + 1] = struct.pack('>I1I3', #name - 1 + (list == sealed and 128 or 0), #value) .. name
        list[#list + 1] = value
      end
    end
  end
  copy(1, fields.first - 1)
  write(fields.first, fields.last)
  copy(math.max(fields.first, fields.last + 1), fields.stored)
  write(fields.stored + 1, fields.count)
  return table.concat({string.sub(record, 1, 4), struct.pack('>I4', revision), string.sub(record, 9, 68),
    struct.pack('>I2', fields.left), string.sub(record, 71, entries[1] - 1),
    table.concat(directory), table.concat(plain, ','), table.concat(sealed)})
end
