-- Writes records and wakes who waits for them.
-- KEYS  1 waiting  2 late  3… the records' keys, then the reply streams
-- ARGV  1 how many records, then for each: id, value, ttl in ms ('0' for ever), which of KEYS is
--       its reply stream ('0' none)
-- Returns nothing. Twice is as good as once: who waits may be woken twice.
-- Atomic, because whoever notes that it waits (await.lua) must either see the record or be woken.
local count = tonumber(ARGV[1])
-- The first write is one that a full server does not refuse; then it takes the others too.
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
local waiting = redis.call('EXISTS', KEYS[1]) == 1 and KEYS[1]
for i = 1, count do
  local at = 4 * i - 2
  local reply = ARGV[at + 3] ~= '0' and KEYS[tonumber(ARGV[at + 3])]
  keep_record(KEYS[2 + i], ARGV[at], ARGV[at + 1], ARGV[at + 2], reply, waiting, KEYS[2])
end
for i = 3 + count, #KEYS do
  keep_reply_stream(KEYS[i])
end
