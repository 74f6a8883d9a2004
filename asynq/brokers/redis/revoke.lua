-- Remembers that tasks shall not run, and makes those due that wait for their time.
-- KEYS 1 revoked  2 terminated  3… zsets of all queues
-- ARGV 1 milliseconds to remember it  2 '1': end them where they run  3… ids
-- Returns the zsets, as places in KEYS, in which some of them waited.
-- Atomic: what is delivered afterwards is known to be revoked. The first write is one that a full
-- server does not refuse.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function word(number) return string.format('%.0f', number) end

local function remember(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', word(now))
  for i = 3, #ARGV do redis.call('ZADD', key, 'GT', word(now + ARGV[1]), ARGV[i]) end
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  redis.call('PEXPIREAT', key, word(last[2]))
end

remember(KEYS[1])
if ARGV[2] == '1' then remember(KEYS[2]) end
local waited = {}
for i = 3, #KEYS do
  local found = false
  for k = 3, #ARGV do
    local due = redis.call('ZSCORE', KEYS[i], ARGV[k])
    if due then
      found = true
      if tonumber(due) > now then redis.call('ZADD', KEYS[i], 'XX', word(now), ARGV[k]) end
    end
  end
  if found then waited[#waited + 1] = i end
end
return waited
