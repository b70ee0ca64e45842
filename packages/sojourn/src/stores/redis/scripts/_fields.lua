-- The fields of a record, found by the directory's lengths: no value is parsed. Needs _lib.lua.
-- The directory stands behind header, user, rotation block and metadata.
-- What is stored of the `wanted` names (name -> false), in order and by its name: where entry and value begin (`plain`, `sealed`: counted from the
-- regions'), and both lengths. Of all fields: `bytes` of names and values, and how many there are. Nil when lengths do
-- not add up to the byte.
local function read_fields(record, wanted)
  local byte = string.byte
  local flags, _, id_length = byte(record, 2, 4)
  local metadata_length, count = struct.unpack('>I2I2', record, 67)
  local has_block = bit.band(flags, 2) ~= 0
  local directory_at = (id_length > 0 and 87 + id_length or 71) + (has_block and ROTATION or 0) + metadata_length
  local at, plain, sealed, bytes, stored = directory_at, 0, 0, 0, {}
  for _ = 1, count do
    local first, length, middle, low = byte(record, at, at + 3)
    if not length then return nil end
    local is_sealed, name_at = first >= 128, at + 2
    if length >= 128 then
      if not low then return nil end
      length, name_at = (length - 128) * 65536 + middle * 256 + low, at + 4
    end
    local name_end = name_at + first % 128
    local name = string.sub(record, name_at, name_end)
    bytes = bytes + #name + length
    if wanted[name] ~= nil then
      local field = {name = name, at = at, ends = name_end, plain = plain, sealed = sealed, is_sealed = is_sealed,
        was_sealed = is_sealed, length = length, stored_length = length}
      stored[#stored + 1], wanted[name] = field, field
    end
    if is_sealed then sealed = sealed + length else plain = plain + length + 1 end
    at = name_end + 1
  end
  local sealed_at = at + math.max(plain - 1, 0)
  if sealed_at + sealed ~= #record + 1 then return nil end
  return {record = record, directory_at = directory_at, plain_at = at, plain_end = at + plain, sealed_at = sealed_at,
    bytes = bytes, count = count, stored = stored, named = wanted, in_place = true, has_block = has_block}
end

-- Where the value of a stored field begins.
local function value_at(fields, field)
  return field.was_sealed and fields.sealed_at + field.sealed or fields.plain_at + field.plain
end

-- The text of a plain field; nil for one that is absent or sealed.
local function text_of(fields, name)
  local field = fields.named[name]
  if not field or field.is_sealed then return nil end
  if field.value then return field.value end
  local at = value_at(fields, field)
  return string.sub(fields.record, at, at + field.length - 1)
end

local function set_field(fields, name, value, is_sealed)
  local field = fields.named[name]
  if not field then
    field = {name = name, length = 0}
    fields.added = fields.added or {}
    fields.added[#fields.added + 1], fields.named[name] = field, field
    fields.count, fields.bytes = fields.count + 1, fields.bytes + #name
  end
  fields.in_place = fields.in_place and field.was_sealed == is_sealed
  fields.bytes = fields.bytes - field.length + #value
  field.value, field.length, field.is_sealed = value, #value, is_sealed
end

-- Writes another value of the same length: no string as long as the record is made.
local function write_in_place(session_key, fields, field, revision)
  redis.call('SETRANGE', session_key, 4, struct.pack('>I4', revision))
  redis.call('SETRANGE', session_key, value_at(fields, field) - 1, field.value)
end
