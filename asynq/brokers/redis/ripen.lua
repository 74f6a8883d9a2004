-- ripen: moves messages from the delayed store of their queue to its lanes.
--   zset, hash   the store
--   ids          which
--   lanes        level (as a word) to lane;  last: the lane of what has none of these levels
-- ZREM comes first, so a full server does not refuse it. A message missing from the hash is only
-- forgotten.
local function ripen(zset, hash, ids, lanes, last)
  for _, id in ipairs(ids) do
    local kept = redis.call('HGET', hash, id)
    redis.call('ZREM', zset, id)
    redis.call('HDEL', hash, id)
    local first = kept and string.find(kept, '|', 1, true)
    local second = first and string.find(kept, '|', first + 1, true)
    if second then
      local lane = lanes[string.sub(kept, 1, first - 1)] or last
      local redeliveries = string.sub(kept, first + 1, second - 1)
      local words = {'XADD', lane, '*', 'i', id, 'm', string.sub(kept, second + 1)}
      if redeliveries ~= '0' then words[8] = 'd'; words[9] = redeliveries end
      redis.call(unpack(words))
    end
  end
end
