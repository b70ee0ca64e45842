-- Events in the stream of the bucket. An entry has one field: letter of the type 1, at 6, session began 6 (0 unknown),
-- session id 24, length of user hash 1, user hash, detail in JSON (store/event-record.ts holds the same). The totals'
-- field k counts entries that were trimmed. Whoever writes events answers them last, as a list.
-- @include _publish.lua
local events = {}
local TRIMMED_AT_ONCE = 64

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

-- Writes what was noted; answers the events: id in the stream, entry, id, entry ...
local function write_events(totals_key, kept)
  local written = {}
  if #events == 0 then return written end
  local key = events_key_of(totals_key)
  for i, event in ipairs(events) do
    written[2 * i - 1], written[2 * i] = redis.call('XADD', key, '*', 'd', event), event
  end
  if redis.call('XLEN', key) > kept + TRIMMED_AT_ONCE then
    redis.call('HINCRBY', totals_key, 'k', redis.call('XTRIM', key, 'MAXLEN', '~', kept))
  end
  return written
end
