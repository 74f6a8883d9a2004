-- Keeps a workflow or a part of one, and begins it, once.
-- KEYS 1 workflow (a hash, see flow.lua)  2 queues  3 workflows (a zset: id to when it began)
-- ARGV 1 milliseconds to keep it while it goes on  2 milliseconds to keep it when it is over
--      3 its id; '' when it is only kept, and does not begin
--      4 how many words follow: names and values of fields; then these
--      then the steps that it begins with, packed as in flow.lua
-- Returns 1, or 0 when it had begun before.
-- Atomic: it begins with everything it needs, or not at all. The first write is one that a full
-- server refuses.
local workflow = KEYS[1]
if redis.call('HEXISTS', workflow, 'began') == 1 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local prefix = string.sub(KEYS[2], 1, -7)

local last = keep(workflow, 1)
if ARGV[3] == '' then return 1 end

enlist(workflow, prefix, now)
for i = last + 1, #ARGV do put(prefix, now, ARGV[i], '') end
return 1
