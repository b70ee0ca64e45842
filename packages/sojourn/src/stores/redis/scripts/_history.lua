-- Endings, written with what ended the sessions: totals of the bucket, and events.
-- @include _totals.lua
-- @include _events.lua
local UNKNOWN = string.rep('\0', 6)

local function note_ending(id, head, at, reason, detail)
  local known = #head >= HEADER
  count_ending(reason, known and u48(head, 14) or nil, at)
  note_event('e', at, known and string.sub(head, 15, 20) or UNKNOWN, id, user_hash(head), detail)
end

-- An index entry without a record is a session that died unseen.
local function note_lost(id, now)
  note_ending(id, '', now, 'expired', '{"r":"expired"}')
end

-- Writes what was noted; answers the events.
local function write_history(totals_key, kept)
  write_endings(totals_key)
  return write_events(totals_key, kept)
end
