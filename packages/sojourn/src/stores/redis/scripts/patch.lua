-- Changes fields of one session or of several, of each all of its fields or none. Moves no deadline, revives nothing.
-- KEYS  1 operation  2.. sessions
-- ARGV  1 not after (ms)  2 shift (ms)  3 operation kept (ms)  4 most fields  5 greatest size (bytes)
--       6 name of the guard or ''  7 the json that it must have, '' for absent
--       then of each session  how many changes  expected revision or ''
--                             and per change: 's' name json | 'e' name ciphertext | 'd' name '' | 'i' name by
-- answers  {'late', now} when none was executed | {'done', now, an answer for each session ..., how many}
--   for each: 'previous revision, revision, increment results ...' with spaces between | {'conflict', record} | {'too_large', bytes}
--             | {'too_many_fields'} | {'wrong_kind', name} | {'gone', tombstone or false} | {'late'} | {'unsupported'}
--             | {'refused', message}: its key, or its tombstone's, has no string. results are texts: clients decode large integers inexactly.
-- @include _lib.lua
-- @include _publish.lua
-- @include _fields.lua
local not_after, shift, operation_kept, max_fields = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local max_bytes, guard, guarded = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local now, changed = server_now(shift), {}

-- first, last: where its changes begin and end.
local function patched(session_key, expected, first, last)
  if now > not_after then return {'late'} end
  local record = redis.pcall('GET', session_key)
  local found = record or redis.pcall('GET', (string.gsub(session_key, ':s:', ':d:', 1)))
  if type(found) == 'table' then return {'refused', found.err} end
  if not record then return {'gone', found} end
  if #record < HEADER or now >= expires_at(record) then return {'gone', false} end
  local version, revision = string.byte(record), struct.unpack('>I4', record, 5)
  if expected ~= '' and revision ~= tonumber(expected) then return {'conflict', record} end
  if version > VERSION then return {'unsupported'} end

  -- A corrupt record is not written to; the next read ends it.
  local wanted = {[guard] = false}
  for c = first + 1, last, 3 do wanted[ARGV[c]] = false end
  local fields = version == VERSION and read_fields(record, wanted)
  if not fields then return {'gone', false} end
  if guard ~= '' then
    -- A sealed field has no text, but is there.
    local is_absent = not fields.named[guard]
    if is_absent ~= (guarded == '') or (text_of(fields, guard) or '') ~= guarded then return {'conflict', record} end
  end

  local old_bytes = fields.bytes
  local next_revision = (revision + 1) % 4294967296
  local answer = string.format('%d %d', revision, next_revision)
  for c = first, last, 3 do
    local kind, name, value = ARGV[c], ARGV[c + 1], ARGV[c + 2]
    if kind == 's' or kind == 'e' then
      set_field(fields, name, value, kind == 'e')
    elseif kind == 'd' then
      -- @include _delete-field.lua
      delete_field(fields, name)
    else
      -- @include _increment.lua
      local sum = sum_of(fields.named[name] and (text_of(fields, name) or '') or '0', tonumber(value))
      if not sum then return {'wrong_kind', name} end
      set_field(fields, name, integer(sum), false)
      answer = answer .. ' ' .. integer(sum)
    end
  end

  if fields.count > max_fields then return {'too_many_fields'} end
  if fields.bytes > max_bytes and fields.bytes > old_bytes then return {'too_large', fields.bytes} end
  local only = fields.in_place and #fields.stored == 1 and fields.stored[1]
  if only and only.value and only.length == only.stored_length and not fields.has_block then
    write_in_place(session_key, fields, only, next_revision)
  else
    -- @include _splice.lua
    local written = only and only.value and with_value(fields, only, next_revision) or with_fields(fields, next_revision)
    if fields.has_block then
      -- @include _rotation.lua
      -- @include _stale-wrap.lua
      written = without_stale_wrap(written, now)
    end
    redis.call('SET', session_key, written, 'KEEPTTL')
  end
  changed[#changed + 1] = string.sub(session_key, -24) .. string.format(' %d', next_revision)
  return answer
end

-- What was executed answers what it did, also when it is sent again too late; what was refused is tried again.
local before, done, executed, at = redis.call('GET', KEYS[1]), {}, {}, 8
if before then
  for answer in string.gmatch(before, '([^,]*),') do done[#done + 1] = answer ~= '' and answer end
end
local answers = {'done', now}
for k = 2, #KEYS do
  local first = at + 2
  at = first + 3 * tonumber(ARGV[at])
  local answer = done[k - 1] or patched(KEYS[k], ARGV[first - 1], first, at - 1)
  answers[k + 1], executed[k - 1] = answer, type(answer) == 'string' and answer or ''
end
if #changed > 0 then
  redis.call('SET', KEYS[1], table.concat(executed, ',') .. ',', 'PX', operation_kept)
  publish('c ' .. table.concat(changed, ' '))
elseif now > not_after and not before then
  return {'late', now}
end
answers[#answers + 1] = #KEYS - 1
return answers
