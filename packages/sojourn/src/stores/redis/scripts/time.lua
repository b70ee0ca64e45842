-- The time of the primary that has the key: a cluster client sends a bare TIME anywhere.
-- KEYS  1 any
-- ARGV  1 shift (ms)
-- answers  {'time', now}
-- @include _lib.lua
return {'time', server_now(tonumber(ARGV[1]))}
