-- The rotation block of a record: state 1 (1 pending, 2 confirmed), grace until 6, since 6, other hash 16, wrap 32, wrap key id 4.

local function u24(bytes, offset)
  return (struct.unpack('>I3', bytes, offset + 1))
end

local function block_at(record)
  local id_length = string.byte(record, 4)
  return id_length > 0 and 87 + id_length or 71
end

local function has_block(record)
  return bit.band(string.byte(record, 2), 2) ~= 0
end

-- The block as a table, or nil.
local function read_block(record)
  if not has_block(record) then return nil end
  local at = block_at(record)
  return {
    state = string.byte(record, at), grace_until = u48(record, at), since = u48(record, at + 6),
    other = string.sub(record, at + 13, at + 28), wrap = string.sub(record, at + 29, at + 60),
    key_id = string.sub(record, at + 61, at + 64),
  }
end

-- The record with this block, or without one for nil.
local function with_block(record, block)
  local at, flags = block_at(record), string.byte(record, 2)
  local rest = has_block(record) and at + ROTATION or at
  local text = ''
  flags = bit.band(flags, 253)
  if block then
    flags = bit.bor(flags, 2)
    text = struct.pack('>I1I6I6', block.state, block.grace_until, block.since) .. block.other .. block.wrap .. block.key_id
  end
  return string.sub(record, 1, 1) .. string.char(flags) .. string.sub(record, 3, at - 1) .. text .. string.sub(record, rest)
end

local function with_token(record, generation, hash)
  return string.sub(record, 1, 8) .. struct.pack('>I3', generation) .. string.sub(record, 12, 50) .. hash .. string.sub(record, 67)
end

local function token_hash(record)
  return string.sub(record, 51, 66)
end
