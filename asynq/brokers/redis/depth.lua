-- How many messages wait in a queue: ready, delayed, and not yet settled.
-- KEYS 1 zset  2… lanes
-- Returns the count. One script, so that a message on its way from one to the other counts once.
local count = redis.call('ZCARD', KEYS[1])
for i = 2, #KEYS do count = count + redis.call('XLEN', KEYS[i]) end
return count
