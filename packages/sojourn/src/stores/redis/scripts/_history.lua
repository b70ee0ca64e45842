-- What a script did, written with what it did: totals of the bucket, and events in its stream. An entry of the stream has
-- one field: letter of the type 1, at 6, session began 6 (0 unknown), session id 24, length of user hash 1, user hash,
-- detail in JSON (store/event-record.ts holds the same). The totals' field k counts entries that were trimmed. Whoever
-- writes history answers the events last, as a list.
-- @include _publish.lua
-- @include _totals.lua
local events, TRIMMED_AT_ONCE, UNKNOWN = {}, 64, string.rep('\0', 6)

local function events_key_of(totals_key)
  return (string.gsub(totals_key, ':t:', ':e:', 1))
end

-- began: its bytes in the record.
local function note_event(letter, at, began, id, hash, detail)
  hash = hash or ''
  events[#events + 1] = letter .. struct.pack('>I6', at) .. began .. id .. string.char(#hash) .. hash .. detail
  -- An ending is published as such.
  if letter ~= 'e' then publish('n ' .. id) end
end

local function note_ending(id, head, at, reason, detail)
  local known = #head >= HEADER
  count_ending(reason, known and u48(head, 14) or nil, at)
  note_event('e', at, known and string.sub(head, 15, 20) or UNKNOWN, id, user_hash(head), detail)
end

-- An index entry without a record is a session that died unseen.
local function note_lost(id, now)
  note_ending(id, '', now, 'expired', '{"r":"expired"}')
end

-- Writes what was noted; answers the events: id in the stream, entry, id, entry ...
local function write_history(totals_key, kept)
  local written = {}
  write_endings(totals_key)
  if #events == 0 then return written end
  local key = events_key_of(totals_key)
  for _, event in ipairs(events) do
    written[#written + 1] = redis.call('XADD', key, '*', 'd', event)
    written[#written + 1] = event
  end
  if redis.call('XLEN', key) > kept + TRIMMED_AT_ONCE then
    redis.call('HINCRBY', totals_key, 'k', redis.call('XTRIM', key, 'MAXLEN', '~', kept))
  end
  return written
end
