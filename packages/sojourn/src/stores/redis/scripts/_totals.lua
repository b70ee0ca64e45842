-- Totals of a bucket. Fields: c created; d milliseconds that ended sessions lasted; r:<reason> ended for it; n named reasons;
-- w0 … w24 ring of hours: hour, sessions ended in it, milliseconds that they lasted.
local HOUR, RING, MAX_REASONS = 3600000, 25, 28
local endings = {reasons = {}, hours = {}, duration = 0}

-- Notes one ending; created is nil when nobody knows any more.
local function count_ending(reason, created, ended)
  endings.reasons[reason] = (endings.reasons[reason] or 0) + 1
  if not created then return end
  local lasted, hour = math.max(0, ended - created), math.floor(ended / HOUR)
  local within = endings.hours[hour] or {count = 0, lasted = 0}
  within.count, within.lasted = within.count + 1, within.lasted + lasted
  endings.hours[hour], endings.duration = within, endings.duration + lasted
end

-- A reason that would be one too many counts as 'other': the hash stays small whatever reasons there are.
local function add_reason(totals_key, reason, count)
  local field = 'r:' .. reason
  if redis.call('HINCRBY', totals_key, field, count) > count or reason == 'other' then return end
  if redis.call('HINCRBY', totals_key, 'n', 1) <= MAX_REASONS then return end
  redis.call('HINCRBY', totals_key, 'n', -1)
  redis.call('HDEL', totals_key, field)
  redis.call('HINCRBY', totals_key, 'r:other', count)
end

local function add_hour(totals_key, hour, within)
  local field = 'w' .. hour % RING
  local at, count, lasted = string.match(redis.call('HGET', totals_key, field) or '', '^(%d+) (%d+) (%d+)$')
  at = tonumber(at or 0)
  if at > hour then return end
  if at < hour then count, lasted = 0, 0 end
  redis.call('HSET', totals_key, field, hour .. ' ' .. count + within.count .. ' ' .. integer(lasted + within.lasted))
end

-- Writes what was noted.
local function write_endings(totals_key)
  for reason, count in pairs(endings.reasons) do add_reason(totals_key, reason, count) end
  for hour, within in pairs(endings.hours) do add_hour(totals_key, hour, within) end
  if endings.duration > 0 then redis.call('HINCRBY', totals_key, 'd', integer(endings.duration)) end
end
