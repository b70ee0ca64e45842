-- Cut-offs as store/cut-offs.ts writes them: '*' or '=' and a policy -> {before, at, r, a}; needs _metadata.lua.

-- The tombstone of a session that a cut-off of its bucket ends, or nil.
local function cut_off(stored, record)
  local created, policy = u48(record, 14), policy_name(record)
  for name, each in pairs(cjson.decode(stored)) do
    if created < each.before and (name == '*' or name == policy) then
      return integer(created) .. ' ' .. integer(each.at) .. ' ' .. cjson.encode(each)
    end
  end
end
