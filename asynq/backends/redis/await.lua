-- What is known of some tasks; and notes that somebody waits for those that are not over.
-- KEYS  1 waiting  2… the records' keys (at most 250)
-- ARGV  1 ms to remember who waits  2 bytes after which to stop  3… the tasks' ids
-- Returns the records in order, nil where there is none. There are fewer than were asked for when
--       they grew too large for one answer; there is always one.
-- Atomic, because a task that ends between the look and the note would wake nobody.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- First a write that a full server does not refuse; then it takes the others too.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local expiry = string.format('%.0f', now + tonumber(ARGV[1]))
local room = tonumber(ARGV[2])
local found, open = {}, {}
for i = 2, #KEYS do
  local value = redis.call('GET', KEYS[i])
  found[i - 1] = value
  if not value or string.byte(value) == 126 then
    open[#open + 1] = expiry
    open[#open + 1] = ARGV[i + 1]
  end
  if value then
    room = room - #value
    if room < 0 then break end
  end
end
if #open > 0 then
  redis.call('ZADD', KEYS[1], unpack(open))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return found
