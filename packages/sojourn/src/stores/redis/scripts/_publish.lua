-- Tells every process of the namespace what changed: 'c <id> <data revision> ...' or, when a session ended, 'e <id>'; and
-- 'n <id>' when it has another event.
-- The channels are those of keys.ts: endings have one of their own, for those who want no more. Where an ACL forbids it, what the script did stays done.
local function publish(message)
  local channel = string.match(KEYS[1], '^[^:]+') .. ':i'
  if string.sub(message, 1, 2) == 'e ' then channel = channel .. ':e' end
  redis.pcall('PUBLISH', channel, message)
end

local function publish_change(session_key, record)
  publish(string.format('c %s %d', string.sub(session_key, -24), (struct.unpack('>I4', record, 5))))
end
