-- The workers that live, and those that have fallen silent within an hour.
-- KEYS 1 workers  2 what they say of themselves
-- Returns: the time now (ms since 1970), then of each: its name, '1' if it lives, when it last
-- spoke (ms since 1970), what it said. Writes nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {now}
local known = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now - 3600000), '+inf',
  'WITHSCORES')
for i = 1, #known, 2 do
  local kept = redis.call('HGET', KEYS[2], known[i]) or ''
  local blank = string.find(kept, ' ', 1, true)
  out[#out + 1] = known[i]
  out[#out + 1] = tonumber(known[i + 1]) > now and '1' or '0'
  out[#out + 1] = blank and string.sub(kept, 1, blank - 1) or string.format('%.0f', now)
  out[#out + 1] = blank and string.sub(kept, blank + 1) or ''
end
return out
