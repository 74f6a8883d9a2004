-- What is revoked, those that are remembered longest first.
-- KEYS 1 revoked  2 those to be ended where they run
-- ARGV 1 how many at most
-- Returns of each: its id, and '1' or, if it is to be ended where it runs, '2'. One script, so that
-- it is one round trip. Writes nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
local ids = redis.call('ZRANGE', KEYS[1], '+inf', string.format('(%.0f', now), 'BYSCORE', 'REV',
  'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  local until_ = redis.call('ZSCORE', KEYS[2], id)
  out[#out + 1] = id
  out[#out + 1] = until_ and tonumber(until_) > now and '2' or '1'
end
return out
