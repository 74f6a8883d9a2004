-- keep: stores a workflow or a part of one.
--   workflow  its hash, see flow.lua
--   first     where in ARGV it begins: milliseconds to keep it while it goes on, and when it is
--             over; a word that is not for us; how many words follow, names and values of fields
-- Returns where it ends. The first write is one that a full server refuses.
local function keep(workflow, first)
  local last = first + 3 + ARGV[first + 3]
  redis.call('HSET', workflow, 'ttl', ARGV[first], 'kept', ARGV[first + 1])
  for at = first + 4, last, 400 do
    redis.call('HSET', workflow, unpack(ARGV, at, math.min(last, at + 399)))
  end
  redis.call('PEXPIRE', workflow, ARGV[first])
  return last
end
