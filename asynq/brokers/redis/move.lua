-- Moves what is due to its lanes.
-- KEYS 1 zset  2 hash  3… lanes of the levels
-- ARGV 1 limit  2… the levels, in the order of their lanes
-- Returns: how many were due, when the next is (ms since 1970, '' for never), the time now.
-- Atomic: whoever else moves sees a message either delayed or in its lane. ZREM comes first, so a
-- full server does not refuse it. A message missing from the hash is only forgotten.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lanes = {}
for i = 2, #ARGV do lanes[ARGV[i]] = KEYS[i + 1] end
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now),
  'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  local kept = redis.call('HGET', KEYS[2], id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  local first = kept and string.find(kept, '|', 1, true)
  local second = first and string.find(kept, '|', first + 1, true)
  if second then
    local lane = lanes[string.sub(kept, 1, first - 1)] or KEYS[#KEYS]
    local redeliveries = string.sub(kept, first + 1, second - 1)
    local words = {'XADD', lane, '*', 'i', id, 'm', string.sub(kept, second + 1)}
    if redeliveries ~= '0' then words[8] = 'd'; words[9] = redeliveries end
    redis.call(unpack(words))
  end
end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {#ids, next[2] or '', now}
