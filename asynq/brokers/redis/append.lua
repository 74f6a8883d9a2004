-- Appends a batch of events, and drops the oldest for it.
-- KEYS 1 stream of events
-- ARGV 1 the batch  2 bytes that all batches together may have  3 how long one is kept, ms
-- Returns the id. One script, so that the stream has an end in bytes and in time: each entry
-- says how many bytes were ever appended up to it, so the difference of two is what lies between.
local SIZE_OF_ENTRY = 64
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local total = SIZE_OF_ENTRY + #ARGV[1]
if last then total = total + tonumber(last[2][2]) end
local id = redis.call('XADD', KEYS[1], '*', 't', string.format('%d', total), 'b', ARGV[1])
local most = tonumber(ARGV[2])
local oldest = tonumber(string.match(id, '^%d+')) - tonumber(ARGV[3])
-- The oldest goes while too much lies after it. Mostly nothing does, so one at a time is looked at.
for _ = 1, 100 do
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local after = total - tonumber(first[2][2])
  local fits = after < most and tonumber(string.match(first[1], '^%d+')) >= oldest
  if fits or first[1] == id then break end
  redis.call('XDEL', KEYS[1], first[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return id
