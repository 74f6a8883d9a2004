-- Renews the leases of deliveries.
-- KEYS 1 lane
-- ARGV 1 group  2 consumer  3… entry ids, sorted, 500 at most
-- Returns the ids that are no longer ours.
-- Atomic: between the look and XCLAIM nobody can take one; XCLAIM without the look would take it
-- back from its new owner. JUSTID leaves the delivery count alone.
local mine, claim, lost = {}, {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0'}, {}
local pending = redis.pcall(
  'XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[#ARGV], 10000, ARGV[2])
if pending.err then
  if not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  pending = {}
end
for _, entry in ipairs(pending) do mine[entry[1]] = true end
for i = 3, #ARGV do
  local ids = mine[ARGV[i]] and claim or lost
  ids[#ids + 1] = ARGV[i]
end
if #claim > 5 then
  claim[#claim + 1] = 'JUSTID'
  redis.call(unpack(claim))
end
return lost
