-- Stores a batch of messages, once.
-- KEYS 1 mark of this batch  2 queues  then the lanes, zsets and hashes that ARGV points at
-- ARGV 1 number of this batch, counted by the client
--      2 milliseconds in which it may be sent again
--      3 how many queue names follow, then the names
--      then how many lanes get messages at once, and for each: its index in KEYS, how many
--      messages, and for each of those: id, message
--      then for each delayed one: index of its zset (the hash is the next key), index of its lane,
--      level, due ('+' and milliseconds from now, or milliseconds since 1970), id, message
-- Returns 1, or 0 when this batch had been stored before.
-- Atomic: the mark and the messages are one, so that a batch sent again after a lost reply is
-- stored once. The first write is one that a full server refuses: all of a batch or nothing.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
local at = 4 + ARGV[3]
local put = redis.call
local lanes = tonumber(ARGV[at])
at = at + 1
for _ = 1, lanes do
  local lane = KEYS[tonumber(ARGV[at])]
  local next = at + 2 + 2 * ARGV[at + 1]
  for i = at + 2, next - 1, 2 do
    put('XADD', lane, '*', 'i', ARGV[i], 'm', ARGV[i + 1])
  end
  at = next
end
if at <= #ARGV then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for i = at, #ARGV, 6 do
    local zset = tonumber(ARGV[i])
    local due = ARGV[i + 3]
    due = string.byte(due) == 43 and now + string.sub(due, 2) or tonumber(due)
    if due <= now then
      put('XADD', KEYS[tonumber(ARGV[i + 1])], '*', 'i', ARGV[i + 4], 'm', ARGV[i + 5])
    else
      put('HSET', KEYS[zset + 1], ARGV[i + 4], ARGV[i + 2] .. '|0|' .. ARGV[i + 5])
      put('ZADD', KEYS[zset], string.format('%.0f', due), ARGV[i + 4])
    end
  end
end
for i = 4, 3 + ARGV[3] do redis.call('SADD', KEYS[2], ARGV[i]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
