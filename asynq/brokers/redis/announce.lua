-- Says that a worker lives, or that it is gone; forgets those that have been silent for an hour.
-- KEYS 1 workers  2 what they say of themselves
-- ARGV 1 worker  2 milliseconds, '0': gone  3 what it says
-- Returns the time now (ms since 1970). Atomic, so that nobody sees a worker without what it says
-- of itself. Before that stands when it was said, so that its age is known by one clock.
-- The first write is ZREM, which a full server does not refuse.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', KEYS[1], ARGV[1])
local silent = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - 3600000),
  'LIMIT', 0, 100)
for _, worker in ipairs(silent) do
  redis.call('ZREM', KEYS[1], worker)
  redis.call('HDEL', KEYS[2], worker)
end
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.max(ARGV[2], 86400000))
  redis.call('PEXPIRE', KEYS[2], math.max(ARGV[2], 86400000))
end
return now
