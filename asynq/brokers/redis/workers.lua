-- The workers that live.
-- KEYS 1 workers  2 what they say of themselves
-- Returns: worker, what it said, and so on. Writes nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
local live = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')
for _, worker in ipairs(live) do
  out[#out + 1] = worker
  out[#out + 1] = redis.call('HGET', KEYS[2], worker) or ''
end
return out
