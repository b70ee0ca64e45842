-- Tells every process of the namespace what changed: 'c <id> <data revision>' or, when a session ended, 'e <id>'; and
-- 'n <id>' when it has another event.
-- The channel is that of keys.ts. Where an ACL forbids it, what the script did stays done.
local function publish(message)
  redis.pcall('PUBLISH', string.match(KEYS[1], '^[^:]+') .. ':i', message)
end

local function publish_change(session_key, record)
  publish('c ' .. string.sub(session_key, -24) .. ' ' .. integer(struct.unpack('>I4', record, 5)))
end
