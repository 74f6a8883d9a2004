-- Gives a message that waits for its time another one.
-- KEYS zsets of all queues
-- ARGV 1 id  2 due ('+' and milliseconds from now, or milliseconds since 1970)
-- Returns the zsets it waits in, as places in KEYS.
-- Atomic: a message that is on its way to its lane is either still here or not. The first write is
-- one that a full server does not refuse.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = ARGV[2]
due = string.byte(due) == 43 and now + string.sub(due, 2) or tonumber(due)
local waits = {}
for i = 1, #KEYS do
  if redis.call('ZSCORE', KEYS[i], ARGV[1]) then
    redis.call('ZREM', KEYS[i], '')
    redis.call('ZADD', KEYS[i], 'XX', string.format('%.0f', due), ARGV[1])
    waits[#waits + 1] = i
  end
end
return waits
