-- A record with fields that come, go, or move between the regions: what lies between those that change is copied as it
-- stands. Needs _fields.lua.
local function entry_of(field)
  local first, length = #field.name - 1 + (field.is_sealed and 128 or 0), field.length
  return (length < 128 and string.char(first, length) or struct.pack('>I1I3', first, length + 8388608)) .. field.name
end

-- The same record with another value for one of its fields.
local function with_value(fields, field, revision)
  local sub, record, from, before, between = string.sub, fields.record, value_at(fields, field), field.ends, ''
  if field.length ~= field.stored_length then
    before, between = field.at - 1, entry_of(field)
  end
  return sub(record, 1, 4) .. struct.pack('>I4', revision) .. sub(record, 9, before) .. between
    .. sub(record, field.ends + 1, from - 1) .. field.value .. sub(record, from + field.stored_length)
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
  for _, field in ipairs(fields.added or {}) do write(field) end
  return table.concat({string.sub(record, 1, 4), struct.pack('>I4', revision), string.sub(record, 9, 68),
    struct.pack('>I2', fields.count), string.sub(record, 71, fields.directory_at - 1),
    table.concat(directory), table.concat(plain, ','), table.concat(sealed)})
end
