-- The wrapped secret of a record that has a rotation block, once nobody is to be given it any more; needs _rotation.lua.
local NO_WRAP = string.rep('\0', 32)

-- Where the wrapped secret begins (counted from 0) when nobody is to be given it any more, else nil.
local function stale_wrap_at(state, grace_until, at, now)
  if state == 2 and now > grace_until then return at - 1 + 29 end
end

local function without_stale_wrap(record, now)
  local at = block_at(record)
  local wrap_at = stale_wrap_at(string.byte(record, at), struct.unpack('>I6', record, at + 1), at, now)
  if not wrap_at then return record end
  return string.sub(record, 1, wrap_at) .. NO_WRAP .. string.sub(record, wrap_at + 33)
end
