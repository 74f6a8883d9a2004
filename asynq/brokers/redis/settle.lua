-- Ends deliveries, each with all its effects or, when it was no longer ours, with none.
-- KEYS 1 mark of this batch  2 queues  3 waiting  4 late  then what ARGV points at
-- ARGV 1 group  2 number of this batch  3 milliseconds in which it may be sent again
--      4 database of the results ('' when it is this one)  5 this database
--      6 length of what stands before the id in a result's key
--      7 how many queue names follow (of queues published to), then the names, then for each
--      delivery: index of its lane in KEYS, entry id, verdict
--        'a' ack
--        'r' hand back:  index of the return lane, id, message, level, redeliveries; 'rs': it is
--                        spent, and stays so
--        'd' delay:      index of the zset (its hash is next), id, message, level, redeliveries,
--                        due
--        'b' bury:       index of the stream of buried messages, reason, level of the lane (''
--                        for the return lane: the entry knows it there), message ('' when it
--                        stays as it is)
--        's' spend:      consumer; the delivery does not end, but REAP and RELEASE know by its
--                        count of deliveries that it must not be run again
--      then index of the result's key, or '0'; if not '0': record, ttl (ms, '0' for ever), index
--      of the reply stream or '0'
--      then how many messages to publish, and for each: index of its lane, id, message, level,
--      index of the zset or '0', due
--      but where it stands in a workflow, 'f' comes before that number, then how many workflows it
--      moves on, and for each: index of the workflow's key, input, how many words of steps that
--      begin, those (first, last), join that grows or '0' (else by how many places, and which, as
--      in flow.lua), join or '0', place there, mark or '', packed step or '', how it is over or ''
--      then how many records of other tasks, and for each the four words of a record
-- Returns 1 when every delivery was ours, else a text of '1' (was ours) and '0' (was not). When
-- steps that began wait for their time, or records could not be written, a list: that, the list of
-- those steps (`put_off` in flow.lua), how many records, and the first error or ''. Sent again, it
-- is only the first of these.
-- Atomic: XACK's 1 (XCLAIM's answer, for what is spent) proves that the delivery was ours, and
-- everything that follows from it happens with it; a record that can't be written (somebody else
-- uses its key) costs no other delivery its end. The first write is XACK or XCLAIM, which a full
-- server does not refuse, so that what runs can end.
local number = ARGV[2]
local before = redis.call('GET', KEYS[1])
if before == number then return 1 end
if before and string.sub(before, 1, #number + 1) == number .. ':' then
  return string.sub(before, #number + 2)
end

-- A database that is not there, or not allowed, must show before anything is acknowledged.
if ARGV[4] ~= '' then redis.call('SELECT', ARGV[4]); redis.call('SELECT', ARGV[5]) end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function due_of(due)
  if string.byte(due) == 43 then return now + string.sub(due, 2) end
  return tonumber(due)
end

local function add(lane, id, message, level, redeliveries, spent)
  local words = {'XADD', lane, '*', 'i', id, 'm', message}
  if redeliveries ~= '0' then words[8] = 'd'; words[9] = redeliveries end
  if level ~= '0' then words[#words + 1] = 'p'; words[#words + 1] = level end
  if spent then words[#words + 1] = 's'; words[#words + 1] = '1' end
  redis.call(unpack(words))
end

local function delay(zset, id, message, level, redeliveries, due)
  redis.call('HSET', KEYS[zset + 1], id, level .. '|' .. redeliveries .. '|' .. message)
  redis.call('ZADD', KEYS[zset], string.format('%.0f', due_of(due)), id)
end

local function bury(stream, entry, reason, level, message)
  local fields = entry[1] and entry[1][2] or {}
  local words = {'XADD', stream, 'MAXLEN', '~', 10000, '*'}
  for i = 1, math.min(#fields, 400), 2 do
    words[#words + 1] = fields[i]
    words[#words + 1] = fields[i] == 'm' and message ~= '' and message or fields[i + 1]
  end
  if level ~= '' then words[#words + 1] = 'p'; words[#words + 1] = level end
  words[#words + 1] = 'why'; words[#words + 1] = reason
  words[#words + 1] = 'when'; words[#words + 1] = string.format('%.0f', now)
  redis.call(unpack(words))
end

local prefix = string.sub(KEYS[2], 1, -7)

-- i: where it stands in ARGV; after: where the join does
local function advance(i, after)
  local workflow, input, starts = KEYS[tonumber(ARGV[i])], ARGV[i + 1], tonumber(ARGV[i + 2])
  if not alive(workflow, prefix, now) then return end
  local growing = i + 3 + starts
  if ARGV[growing] ~= '0' then
    grow(workflow, ARGV[growing], ARGV[growing + 1], ARGV[growing + 2])
  end
  for at = i + 3, growing - 1, 2 do
    begin(workflow, prefix, now, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), input)
  end
  if ARGV[after] ~= '0' then
    join(workflow, ARGV[after], ARGV[after + 1], input)
  end
  local mark, step, how = ARGV[after + 2], ARGV[after + 3], ARGV[after + 4]
  if mark ~= '' and redis.call('HSETNX', workflow, 'o' .. mark, '1') == 1 and step ~= '' then
    put(prefix, now, step, '')
  end
  if how ~= '' then finish(workflow, now, how) end
end

local group = ARGV[1]
local done, records, answers, all_ours = {}, {}, {}, true
local i, count = 8 + ARGV[7], #ARGV
while i <= count do
  local lane, entry, verdict = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = KEYS[tonumber(lane)]
  local whole = verdict == 'b' and redis.call('XRANGE', key, entry, entry)
  i = i + 3
  local ours
  if verdict == 's' then
    ours = #redis.call('XCLAIM', key, group, ARGV[i], 0, entry,
      'RETRYCOUNT', SPENT, 'JUSTID') == 1
    i = i + 1
  else
    ours = redis.call('XACK', key, group, entry) == 1
  end
  if ours then
    answers[#answers + 1] = '1'
    if verdict ~= 's' then
      local entries = done[lane]
      if not entries then entries = {}; done[lane] = entries end
      entries[#entries + 1] = entry
    end
  else
    answers[#answers + 1] = '0'
    all_ours = false
  end
  if verdict == 'r' or verdict == 'rs' then
    if ours then
      local spent = verdict == 'rs'
      add(KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], spent)
    end
    i = i + 5
  elseif verdict == 'd' then
    if ours then
      delay(tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
    end
    i = i + 6
  elseif verdict == 'b' then
    if ours then bury(KEYS[tonumber(ARGV[i])], whole, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
    i = i + 4
  end
  if ARGV[i] == '0' then
    i = i + 1
  else
    if ours then records[#records + 1] = i end
    i = i + 4
  end
  if ARGV[i] == 'f' then
    local advances = tonumber(ARGV[i + 1])
    i = i + 2
    for _ = 1, advances do
      local after = i + 3 + ARGV[i + 2]
      if ARGV[after] ~= '0' then after = after + 2 end
      if ours then advance(i, after + 1) end
      i = after + 6
    end
    local others = tonumber(ARGV[i])
    i = i + 1
    for _ = 1, others do
      if ours then records[#records + 1] = i end
      i = i + 4
    end
  end
  local published = tonumber(ARGV[i])
  i = i + 1
  for _ = 1, published do
    if ours then
      if ARGV[i + 4] == '0' then
        redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'i', ARGV[i + 1], 'm', ARGV[i + 2])
      else
        delay(tonumber(ARGV[i + 4]), ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], '0', ARGV[i + 5])
      end
    end
    i = i + 6
  end
end

complete(prefix, now)
for lane, entries in pairs(done) do
  redis.call('XDEL', KEYS[tonumber(lane)], unpack(entries))
end
for name = 8, 7 + ARGV[7] do redis.call('SADD', KEYS[2], ARGV[name]) end
local answer = all_ours and number or number .. ':' .. table.concat(answers)
redis.call('SET', KEYS[1], answer, 'PX', ARGV[3])

local said = all_ours and 1 or table.concat(answers)
local function answer_with(unwritten, trouble)
  if unwritten == 0 and #put_off == 0 then return said end
  return {said, put_off, unwritten, trouble}
end
if #records == 0 then return answer_with(0, '') end

if ARGV[4] ~= '' then redis.call('SELECT', ARGV[4]) end
local waiting = redis.call('EXISTS', KEYS[3]) == 1 and KEYS[3]
local before_id = ARGV[6] + 1
local told, unwritten, trouble = {}, 0, nil
for _, at in ipairs(records) do
  local result = KEYS[tonumber(ARGV[at])]
  local reply = ARGV[at + 3] ~= '0' and KEYS[tonumber(ARGV[at + 3])]
  if reply then told[reply] = true end
  local written, problem = pcall(keep_record,
    result, string.sub(result, before_id), ARGV[at + 1], ARGV[at + 2], reply, waiting, KEYS[4])
  if not written then
    unwritten = unwritten + 1
    trouble = trouble or type(problem) == 'table' and problem.err or tostring(problem)
  end
end
for reply in pairs(told) do keep_reply_stream(reply) end
if ARGV[4] ~= '' then redis.call('SELECT', ARGV[5]) end
return answer_with(unwritten, trouble or '')
