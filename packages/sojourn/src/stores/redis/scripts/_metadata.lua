-- The metadata of a record; needs _rotation.lua.
local function metadata_range(record)
  local at = block_at(record) + (has_block(record) and ROTATION or 0)
  return at, struct.unpack('>I2', record, 67)
end

local function metadata_of(record)
  local at, length = metadata_range(record)
  return string.sub(record, at, at + length - 1)
end

local function with_metadata(record, metadata)
  local at, length = metadata_range(record)
  return string.sub(record, 1, 66) .. struct.pack('>I2', #metadata) .. string.sub(record, 69, at - 1)
    .. metadata .. string.sub(record, at + length)
end

-- '=' and the policy, or '' for metadata that is no JSON object.
local function policy_name(record)
  local readable, metadata = pcall(cjson.decode, metadata_of(record))
  return readable and type(metadata) == 'table' and '=' .. tostring(metadata.p) or ''
end
