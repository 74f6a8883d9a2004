-- Deletes consumers that hold nothing.
-- KEYS 1 lane
-- ARGV 1 group  2… consumers
-- Returns how many were deleted.
-- Atomic: XGROUP DELCONSUMER drops what the consumer holds for good, so it must hold nothing.
local count = 0
for i = 2, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[i]) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[i])
    count = count + 1
  end
end
return count
