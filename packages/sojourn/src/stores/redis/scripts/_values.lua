-- Values of other libraries, and the index of a bucket's: id → when it ends.
-- @include _lib.lua

-- The index dies with the value that ends last.
local function put_value(key, index, id, value, ends, now, shift)
  redis.call('SET', key, value, 'PXAT', integer(ends - shift))
  redis.call('ZREMRANGEBYSCORE', index, '-inf', integer(now))
  redis.call('ZADD', index, integer(ends), id)
  local latest = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  redis.call('PEXPIREAT', index, integer(tonumber(latest[2]) - shift))
end
