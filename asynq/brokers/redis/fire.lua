-- Fires one slot of a periodic task, once.
-- KEYS 1 the entry (see schedule.lua)  2 queues  3 workflow (a hash, see flow.lua)
-- ARGV 1 the entry's revision  2 its last slot, as the beat knows both  3 the slot; '': out of turn
--      4 a name of this firing
--      5… as those of launch.lua: a workflow that is kept, its id '' where there is none, and what
--      is sent
-- Returns 1: fired, 2: this very firing was before, 3: another was meanwhile, 4: too early, 5: the
-- entry is not there, or is another one; then the entry's last slot, and the time now.
-- Atomic: the slot is done with and its messages are sent, or neither; so a slot is fired once,
-- whoever else fires, and whatever their clocks say. The first write is one that a full server
-- refuses.
local now = server_time()
local known = redis.call('HMGET', KEYS[1], 'v', 'p', 'l', 'i')
if not known[1] then return {5, '0', now} end
local last, slot = known[3], ARGV[3]
if known[4] == ARGV[4] and (slot == '' or slot == last) then return {2, last, now} end
if slot ~= '' then
  if last ~= ARGV[2] then return {3, last, now} end
  if known[1] ~= ARGV[1] or known[2] == '1' then return {5, last, now} end
  if tonumber(slot) > now then return {4, last, now} end
  if tonumber(slot) <= tonumber(last) then return {3, last, now} end
  last = slot
end
redis.call('HSET', KEYS[1], 'l', last, 'f', number(now), 'i', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'n', 1)

local prefix, at = string.sub(KEYS[2], 1, -7), 8
if ARGV[7] ~= '' then
  at = keep(KEYS[3], 5)
  enlist(KEYS[3], prefix, now)
end
for i = at + 1, #ARGV do put(prefix, now, ARGV[i], '') end
return {1, last, now}
