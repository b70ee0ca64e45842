-- Changes fields of a session: all of them or none. Moves no deadline, revives nothing.
-- KEYS  1 session  2 tombstone  3 operation
-- ARGV  1 not after (ms)  2 shift (ms)  3 operation kept (ms)  4 greatest size (bytes)  5 expected revision or ''
--       6 most fields  7.. per change: 's' name json | 'e' name ciphertext | 'd' name '' | 'i' name by
--                                      | 'g' name and the json that it must have, '' for absent: stands first
-- answers  {'patched', now, previous revision, revision, increment results ...}
--        | {'conflict', now, record} | {'too_large', now, bytes} | {'too_many_fields', now} | {'wrong_kind', now, name}
--        | {'gone', now, tombstone or false} | {'late', now} | {'unsupported', now}
-- Increment results are texts: clients decode large integers inexactly.
-- @include _lib.lua
-- @include _publish.lua
-- @include _fields.lua
local not_after, shift, operation_kept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local max_bytes, expected, max_fields = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local now = server_now(shift)
-- What was executed answers what it did, also when it is sent again too late.
local before = redis.call('GET', KEYS[3])
if before then
  local answer = {'patched', now}
  for number in string.gmatch(before, '%S+') do answer[#answer + 1] = number end
  return answer
end
if now > not_after then return {'late', now} end

local record = redis.call('GET', KEYS[1])
if not record then return {'gone', now, redis.call('GET', KEYS[2])} end
if #record < HEADER or now >= expires_at(record) then return {'gone', now, false} end
local version, flags, _, id_length, revision = struct.unpack('>BBBBI4', record, 1)
if expected ~= '' and revision ~= tonumber(expected) then return {'conflict', now, record} end
if version > VERSION then return {'unsupported', now} end

-- Where the directory begins: header, user, rotation block, metadata.
local metadata_length, count = struct.unpack('>I2I2', record, 67)
local rotation = bit.band(flags, 2) ~= 0 and ROTATION or 0
local directory_at = (id_length > 0 and 87 + id_length or 71) + rotation + metadata_length

-- A corrupt record is not written to; the next read ends it.
local wanted = {}
for c = 8, #ARGV, 3 do wanted[ARGV[c]] = false end
local fields = version == VERSION and read_fields(record, directory_at, count, wanted)
if not fields then return {'gone', now, false} end

local old_bytes = fields.bytes
local next_revision = (revision + 1) % 4294967296
local answer = {'patched', now, integer(revision), integer(next_revision)}
for c = 7, #ARGV, 3 do
  local kind, name, value = ARGV[c], ARGV[c + 1], ARGV[c + 2]
  if kind == 's' or kind == 'e' then
    set_field(fields, name, value, kind == 'e')
  elseif kind == 'd' then
    delete_field(fields, name)
  elseif kind == 'g' then
    -- A sealed field has no text, but is there.
    local is_absent = not fields.named[name]
    if is_absent ~= (value == '') or (text_of(fields, name) or '') ~= value then return {'conflict', now, record} end
  else
    -- @include _increment.lua
    local sum = sum_of(fields.named[name] and (text_of(fields, name) or '') or '0', tonumber(value))
    if not sum then return {'wrong_kind', now, name} end
    set_field(fields, name, integer(sum), false)
    answer[#answer + 1] = integer(sum)
  end
end

if fields.count > max_fields then return {'too_many_fields', now} end
if fields.bytes > max_bytes and fields.bytes > old_bytes then return {'too_large', now, fields.bytes} end
local written, only = nil, #fields.stored == 1 and fields.stored[1]
if fields.in_place and only and only.value then
  written = with_value(fields, only, next_revision)
else
  -- @include _splice.lua
  written = with_fields(fields, next_revision)
end
if rotation > 0 then
  -- @include _rotation.lua
  -- @include _stale-wrap.lua
  written = without_stale_wrap(written, now)
end
redis.call('SET', KEYS[1], written, 'KEEPTTL')
redis.call('SET', KEYS[3], table.concat(answer, ' ', 3), 'PX', operation_kept)
publish_revision(KEYS[1], answer[4])
return answer
