-- What waits for its time in a queue, the next due first.
-- KEYS 1 zset  2 hash
-- ARGV 1 how many at most
-- Returns of each: id, due (ms since 1970), ``level|redeliveries|message``. Atomic, so that what is
-- moved meanwhile is not half seen. Writes nothing.
local out = {}
local ids = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
for i = 1, #ids, 2 do
  local kept = redis.call('HGET', KEYS[2], ids[i])
  if kept then
    out[#out + 1] = ids[i]
    out[#out + 1] = string.format('%.0f', tonumber(ids[i + 1]))
    out[#out + 1] = kept
  end
end
return out
