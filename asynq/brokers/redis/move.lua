-- Moves what is due to its lanes.
-- KEYS 1 zset  2 hash  3… lanes of the levels
-- ARGV 1 limit  2… the levels, in the order of their lanes
-- Returns: how many were due, when the next is (ms since 1970, '' for never), the time now.
-- Atomic: whoever else moves sees a message either delayed or in its lane.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lanes = {}
for i = 2, #ARGV do lanes[ARGV[i]] = KEYS[i + 1] end
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now),
  'LIMIT', 0, ARGV[1])
ripen(KEYS[1], KEYS[2], ids, lanes, KEYS[#KEYS])
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {#ids, next[2] or '', now}
