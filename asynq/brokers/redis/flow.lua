-- What moves workflows on. A workflow is one hash:
--   n<number>          a step that has not begun: `level|due|input|length of the queue's name|
--                      length of the id|`, then the queue, the id and the message; input is 1
--                      where that is appended
--   j<number>          a join: `size|join|place|over|`, then steps that begin, `first-last` each;
--                      the join is the one that it is a value of or 0, over is 1 where all is over
--   c<number>          how many values it has
--   v<number>:<place>  a value
--   a<number>          places that it was given later: `place:id ` each
--   o<mark>            something that was done once
--   ttl, kept          milliseconds to keep it while it goes on, and when it is over
--   began, over        when it was launched; how it ended
-- and notes, which nobody reads here. Lanes are named by the steps, so they can't be declared; they
-- have the namespace's tag, as all keys.

-- put: publishes a step.
--   prefix   what all keys begin with
--   now      milliseconds since 1970
--   packed   the step
--   input    what is appended to its message, where it wants that
-- What is to wait for its time is told in `put_off`: queue, milliseconds until then, queue, and so
-- on; those of one queue and one time once.
local known_queues = {}
local put_off, known_times = {}, {}
local function put(prefix, now, packed, input)
  local level, due, wants, queue_bytes, id_bytes, at =
    string.match(packed, '^(%d+)|([^|]*)|(%d)|(%d+)|(%d+)|()')
  local queue = string.sub(packed, at, at + queue_bytes - 1)
  local id = string.sub(packed, at + queue_bytes, at + queue_bytes + id_bytes - 1)
  local message = string.sub(packed, at + queue_bytes + id_bytes)
  if wants == '1' and input ~= '' then
    message = '\3' .. struct.pack('>I4', #message) .. message .. input
  end
  if not known_queues[queue] then
    known_queues[queue] = true
    redis.call('SADD', prefix .. 'queues', queue)
  end
  if due ~= '' then
    due = string.byte(due) == 43 and now + string.sub(due, 2) or tonumber(due)
    if due > now then
      redis.call('HSET', prefix .. 'zm:' .. queue, id, level .. '|0|' .. message)
      redis.call('ZADD', prefix .. 'z:' .. queue, string.format('%.0f', due), id)
      local moment = string.format('%.0f|', due) .. queue
      if not known_times[moment] then
        known_times[moment] = true
        put_off[#put_off + 1] = queue
        put_off[#put_off + 1] = due - now
      end
      return
    end
  end
  redis.call('XADD', prefix .. 'q:' .. queue .. ':' .. level, '*', 'i', id, 'm', message)
end

-- begin: publishes steps that were kept; those that have begun, or are not there, are passed over.
local function begin(workflow, prefix, now, first, last, input)
  for low = first, last, 200 do
    local names = {}
    for number = low, math.min(last, low + 199) do names[#names + 1] = 'n' .. number end
    local steps = redis.call('HMGET', workflow, unpack(names))
    redis.call('HDEL', workflow, unpack(names))
    for i = 1, #names do
      if steps[i] then put(prefix, now, steps[i], input) end
    end
  end
end

-- finish: it is over; it is kept for its own time from now on, or as long as any workflow.
local function finish(workflow, now, how)
  local kept = redis.call('HGET', workflow, 'kept')
  redis.call('HSET', workflow, 'over', how .. '|' .. string.format('%.0f', now))
  redis.call('PEXPIRE', workflow, kept)
end

-- join: a value more; each place is filled once. Counted by `complete`, once for all of a script.
local filled = {}
local function join(workflow, number, place, value)
  if redis.call('HSETNX', workflow, 'v' .. number .. ':' .. place, value) == 0 then return end
  local key = workflow .. '|' .. number
  local one = filled[key]
  if not one then
    one = {workflow, number, 0, key}
    filled[key] = one
    filled[#filled + 1] = one
  end
  one[3] = one[3] + 1
end

-- complete: where all values are there now, what the join leads to begins; called last.
local function complete(prefix, now)
  local i = 1
  while filled[i] do
    local workflow, number, more, key = unpack(filled[i])
    filled[key] = nil  -- what completes another join may fill this one again
    i = i + 1
    local packed = redis.call('HGET', workflow, 'j' .. number) or ''
    local size, up, at, over, start = string.match(packed, '^(%d+)|(%d+)|(%d+)|(%d)|(.*)$')
    if size and redis.call('HINCRBY', workflow, 'c' .. number, more) == tonumber(size) then
      for first, last in string.gmatch(start, '(%d+)-(%d+)') do
        begin(workflow, prefix, now, tonumber(first), tonumber(last), '')
      end
      if up ~= '0' then join(workflow, up, at, '\4' .. number) end
      if over == '1' then finish(workflow, now, 'SUCCESS') end
    end
  end
end

-- grow: a join waits for more values.
local function grow(workflow, number, count, places)
  local packed = redis.call('HGET', workflow, 'j' .. number)
  if not packed then return end
  local size, rest = string.match(packed, '^(%d+)(.*)$')
  local added = redis.call('HGET', workflow, 'a' .. number) or ''
  redis.call('HSET', workflow, 'j' .. number, string.format('%.0f', size + count) .. rest,
    'a' .. number, added .. places)
end

-- enlist: from now on it is one of the workflows that are known. Those that have come to their end
-- are forgotten here: for each that comes the oldest is looked at, and one anywhere, as those
-- behind one that is kept for long would never be.
local function enlist(workflow, prefix, now)
  local index, moment = prefix .. 'wfs', string.format('%.0f', now)
  redis.call('HSET', workflow, 'began', moment)
  local count = redis.call('ZCARD', index)
  for _, rank in ipairs(count > 0 and {0, now % count} or {}) do
    local id = redis.call('ZRANGE', index, rank, rank)[1]
    if id and redis.call('EXISTS', prefix .. 'wf:' .. id) == 0 then
      redis.call('ZREM', index, id)
    end
  end
  redis.call('ZADD', index, moment, string.sub(workflow, #prefix + 4))
end

-- alive: is it there? What happens in it keeps it; looked at once a script. One that was only kept,
-- because it takes the place of a task, begins with the end of that.
local alive_workflows = {}
local function alive(workflow, prefix, now)
  local there = alive_workflows[workflow]
  if there == nil then
    local told = redis.call('HMGET', workflow, 'ttl', 'over', 'began', 'kept')
    there = told[1] ~= false
    if there then redis.call('PEXPIRE', workflow, told[2] and told[4] or told[1]) end
    if there and not told[3] then enlist(workflow, prefix, now) end
    alive_workflows[workflow] = there
  end
  return there
end
