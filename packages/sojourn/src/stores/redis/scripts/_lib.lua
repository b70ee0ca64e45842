-- Shared by all scripts: time, header offsets (data/record.ts holds the same), endings.
local function server_now(shift)
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + shift
end

local VERSION = 1
local HEADER, HEADER_WITH_USER = 70, 86
local ROTATION = 65

local function u48(bytes, offset)
  return (struct.unpack('>I6', bytes, offset + 1))
end

local function expires_at(head)
  local seen, absolute, idle = struct.unpack('>I6I6I6', head, 21)
  return math.min(seen + idle, absolute)
end

-- The hash of the session's user, or nil for an anonymous session.
local function user_hash(head)
  if #head < HEADER_WITH_USER or string.byte(head, 4) == 0 then return nil end
  return string.sub(head, 71, 86)
end

-- As a text: whole numbers to 63 bits, as struct reads and writes them (a C long in both).
local function integer(n)
  return string.format('%d', n)
end

-- A user's index dies with its latest member; the set of users holds each one's latest expiry.
local function follow_latest(user_key, users_key, hash, shift, grace)
  local latest = redis.call('ZRANGE', user_key, -1, -1, 'WITHSCORES')
  if #latest == 0 then
    redis.call('ZREM', users_key, hash)
    return
  end
  redis.call('PEXPIREAT', user_key, integer(tonumber(latest[2]) - shift + grace))
  redis.call('ZADD', users_key, latest[2], hash)
end

-- The same once a session was added to the index, or moved on: it most often is the latest to expire. dies: when its key does.
local function follow_raised(user_key, users_key, hash, expiry, dies, shift, grace)
  if redis.call('ZADD', users_key, 'GT', 'CH', expiry, hash) == 1 then
    redis.call('PEXPIREAT', user_key, dies)
  else
    follow_latest(user_key, users_key, hash, shift, grace)
  end
end
