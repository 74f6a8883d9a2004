-- Throws dead letters of a queue away.
-- KEYS 1 mark of this call  2 stream of buried messages
-- ARGV 1 number of this call, counted by the client  2 milliseconds in which it may be sent again
--      3 'all', or 'some' and then receipts, 500 at most
-- Returns how many there were. Atomic: what is buried meanwhile is counted or kept. The first write
-- is one that a full server does not refuse.
local before = counted_before(KEYS[1], ARGV[1])
if before then return before end
local count
if ARGV[3] == 'all' then
  count = redis.call('XLEN', KEYS[2])
  redis.call('UNLINK', KEYS[2])
else
  count = redis.call('XDEL', KEYS[2], unpack(ARGV, 4))
end
return count_once(KEYS[1], ARGV[1], ARGV[2], count)
