-- Needs _fields.lua.
local function delete_field(fields, name)
  local field = fields.named[name]
  if not field then return end
  fields.count, fields.bytes = fields.count - 1, fields.bytes - #name - field.length
  field.value, fields.named[name], fields.in_place = false, false, false
end
