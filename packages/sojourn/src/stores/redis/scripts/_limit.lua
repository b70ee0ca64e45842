-- Who must go for a new session of a user; needs _end.lua.
local EVICTED = '{"r":"evicted"}'

local function before(a, b)
  if a.counts ~= b.counts then return b.counts end
  if a.seen ~= b.seen then return a.seen < b.seen end
  if a.created ~= b.created then return a.created < b.created end
  return a.id < b.id
end

-- Live sessions of the user, the earliest to expire and at most so many, but for one; in the order in which they go:
-- those that do not count (they began before the user's epoch, or their token has not come back since a stated
-- time), then the least recently seen. Also: how many count, and whether there may be more than were looked at.
local function sessions_of(user_key, expiries_key, prefix, skipped, epoch, awaited_since, now, most)
  local ids = redis.call('ZRANGEBYSCORE', user_key, '(' .. integer(now), '+inf', 'LIMIT', 0, most)
  local found, counted = {}, 0
  for _, id in ipairs(ids) do
    local head = id ~= skipped and redis.call('GETRANGE', prefix .. id, 0, HEADER_WITH_USER - 1)
    if head == '' then
      redis.call('ZREM', user_key, id)
      if redis.call('ZREM', expiries_key, id) == 1 then note_lost(id, now) end
    elseif head then
      -- A corrupt record may be shorter than a header: it does not count.
      local one = {id = id, head = head, counts = false, seen = 0, created = 0}
      if #head >= HEADER then
        one.seen, one.created = u48(head, 20), u48(head, 14)
        one.counts = u48(head, 44) >= epoch and (string.byte(head, 2) % 2 == 1 or one.created > awaited_since)
      end
      if one.counts then counted = counted + 1 end
      found[#found + 1] = one
    end
  end
  table.sort(found, before)
  return found, counted, #ids == most
end
