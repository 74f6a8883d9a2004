-- Hands our own deliveries back, ahead of what waits, in their order.
-- KEYS 1 lane  2 return lane
-- ARGV 1 group  2 consumer  3 level of the lane ('' for the return lane)  4… entry ids, 200 at
--      most
-- Returns how many were handed back; one that is no longer ours is left alone.
-- Atomic: a message is never in both lanes, nor in none. The first write is XACK.
local count = 0
for i = 4, #ARGV do
  local id = ARGV[i]
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])[1]
  if held and put_back(KEYS[1], KEYS[2], ARGV[1], id, ARGV[3], false, held[4] >= SPENT) then
    count = count + 1
  end
end
return count
