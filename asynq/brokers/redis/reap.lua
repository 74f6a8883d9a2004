-- Brings back what a vanished worker held. It never buries: it can't know who waits for the
-- message; the next worker sees how often it was redelivered, and decides.
-- KEYS 1 lane  2 return lane
-- ARGV 1 group  2 least idle time (ms)  3 level of the lane ('' for the return lane)
--      4… entry id, the consumer it was seen with, and so on, 100 pairs at most
-- Returns how many were brought back.
-- Atomic: that nobody renewed it is checked in the same step that takes it. The first write is
-- XACK.
local count = 0
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[2], id, id, 1, ARGV[i + 1])[1]
  if held and put_back(KEYS[1], KEYS[2], ARGV[1], id, ARGV[3], true, held[4] >= SPENT) then
    count = count + 1
  end
end
return count
