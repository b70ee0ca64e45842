-- Whether this server lets a script use a key that it was not told of, as those do that write events and lists of users.
-- KEYS  1 totals of a bucket
-- ARGV  1 shift (ms)  2 another key of that bucket
-- answers  {'probed', now}
-- @include _lib.lua
redis.call('EXISTS', ARGV[2])
return {'probed', server_now(tonumber(ARGV[1]))}
