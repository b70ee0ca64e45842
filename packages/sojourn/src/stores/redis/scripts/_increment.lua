-- Adding to a whole number that is stored as a text.
local MAX_SAFE = 9007199254740991

-- Nil where the text is no safe integer as it is written, or the sum would be none.
local function sum_of(text, by)
  local current = tonumber(text)
  local is_canonical = string.match(text, '^-?%d+$') and text ~= '-0' and integer(current) == text
  if not is_canonical or math.abs(current) > MAX_SAFE then return nil end
  local sum = current + by
  return math.abs(sum) <= MAX_SAFE and sum or nil
end
