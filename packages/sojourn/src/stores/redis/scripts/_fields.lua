-- The fields of a record, spliced by the directory's lengths: no value is parsed, and what lies between the fields that
-- change is copied as it stands.
local MAX_SAFE = 9007199254740991

local function safe_integer(text, number)
  return string.match(text, '^-?%d+$') and text ~= '-0' and integer(number) == text and math.abs(number) <= MAX_SAFE
end

-- What is stored of the `wanted` names, in order: where entry and value begin (`plain`, `sealed`: counted from the
-- regions'), and both lengths. Of all fields: `bytes` of names and values, and how many there are. Nil when lengths do
-- not add up to the byte.
local function read_fields(record, directory_at, count, wanted)
  local at, plain, sealed, bytes, stored, named = directory_at, 0, 0, 0, {}, {}
  for _ = 1, count do
    local first, length, middle, low = string.byte(record, at, at + 3)
    if not length then return nil end
    local is_sealed, name_at = first >= 128, at + 2
    if length >= 128 then
      if not low then return nil end
      length, name_at = (length - 128) * 65536 + middle * 256 + low, at + 4
    end
    local name_end = name_at + first % 128
    local name = string.sub(record, name_at, name_end)
    bytes = bytes + #name + length
    if wanted[name] then
      local field = {name = name, at = at, ends = name_end, plain = plain, sealed = sealed, is_sealed = is_sealed,
        was_sealed = is_sealed, length = length, stored_length = length}
      stored[#stored + 1], named[name] = field, field
    end
    if is_sealed then sealed = sealed + length else plain = plain + length + 1 end
    at = name_end + 1
  end
  local sealed_at = at + math.max(plain - 1, 0)
  if sealed_at + sealed ~= #record + 1 then return nil end
  return {record = record, directory_at = directory_at, plain_at = at, plain_end = at + plain, sealed_at = sealed_at,
    bytes = bytes, count = count, stored = stored, named = named, added = {}}
end

-- The text of a plain field; nil for one that is absent or sealed.
local function text_of(fields, name)
  local field = fields.named[name]
  if not field or field.is_sealed then return nil end
  if field.value then return field.value end
  local at = fields.plain_at + field.plain
  return string.sub(fields.record, at, at + field.length - 1)
end

local function set_field(fields, name, value, is_sealed)
  local field = fields.named[name]
  if not field then
    field = {name = name, length = 0}
    fields.added[#fields.added + 1], fields.named[name] = field, field
    fields.count, fields.bytes = fields.count + 1, fields.bytes + #name
  end
  fields.bytes = fields.bytes - field.length + #value
  field.value, field.length, field.is_sealed = value, #value, is_sealed
end

local function delete_field(fields, name)
  local field = fields.named[name]
  if not field then return end
  fields.count, fields.bytes = fields.count - 1, fields.bytes - #name - field.length
  field.value, fields.named[name] = false, nil
end

local function entry_of(field)
  local first, length = #field.name - 1 + (field.is_sealed and 128 or 0), field.length
  return (length < 128 and string.char(first, length) or struct.pack('>I1I3', first, length + 8388608)) .. field.name
end

-- The record with these fields in place of its own.
local function with_fields(fields, revision)
  local record, directory, plain, sealed = fields.record, {}, {}, {}
  local at, plain_from, sealed_from = fields.directory_at, fields.plain_at, fields.sealed_at
  local function write(field)
    if not field.value then return end
    directory[#directory + 1] = entry_of(field)
    local region = field.is_sealed and sealed or plain
    region[#region + 1] = field.value
  end
  for _, field in ipairs(fields.stored) do
    if field.value ~= nil then
      local plain_here, sealed_here = fields.plain_at + field.plain, fields.sealed_at + field.sealed
      directory[#directory + 1] = string.sub(record, at, field.at - 1)
      if plain_here > plain_from then plain[#plain + 1] = string.sub(record, plain_from, plain_here - 2) end
      sealed[#sealed + 1] = string.sub(record, sealed_from, sealed_here - 1)
      at, plain_from, sealed_from = field.ends + 1, plain_here, sealed_here
      if field.was_sealed then
        sealed_from = sealed_from + field.stored_length
      else
        plain_from = plain_from + field.stored_length + 1
      end
      write(field)
    end
  end
  directory[#directory + 1] = string.sub(record, at, fields.plain_at - 1)
  if fields.plain_end > plain_from then plain[#plain + 1] = string.sub(record, plain_from, fields.sealed_at - 1) end
  sealed[#sealed + 1] = string.sub(record, sealed_from)
  for _, field in ipairs(fields.added) do write(field) end
  return table.concat({string.sub(record, 1, 4), struct.pack('>I4', revision), string.sub(record, 9, 68),
    struct.pack('>I2', fields.count), string.sub(record, 71, fields.directory_at - 1),
    table.concat(directory), table.concat(plain, ','), table.concat(sealed)})
end
