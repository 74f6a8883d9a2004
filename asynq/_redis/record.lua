-- keep_record: writes a task's record and wakes who waits for it.
--   result   the record's key
--   id       the task's id
--   value    the record as stored; a first byte '~' says that it is not final
--   ttl      milliseconds to keep it, '0' for ever
--   reply    the stream that the task's sender reads, or false
--   waiting  the zset of those who wait without having sent it; false when it is empty
--   late     the stream that those read
-- A record that is not final never replaces a final one, and wakes only those in `waiting`.
-- A value over 1 KiB is not repeated in the streams: who reads them fetches it.
-- Numbers stand as texts: to write one out costs the server as much as a tenth of an XADD.
local call = redis.call

local function keep_record(result, id, value, ttl, reply, waiting, late)
  local final = string.byte(value) ~= 126
  if not final then
    local known = call('GETRANGE', result, '0', '0')
    if known ~= '' and known ~= '~' then return end
  end
  if ttl == '0' then
    call('SET', result, value)
  else
    call('SET', result, value, 'PX', ttl)
  end
  local small = #value <= 1024
  if final and reply then
    if small then
      call('XADD', reply, 'MAXLEN', '~', '10000', '*', 'i', id, 'v', value)
    else
      call('XADD', reply, 'MAXLEN', '~', '10000', '*', 'i', id)
    end
  end
  if not waiting then return end
  if final then
    if call('ZREM', waiting, id) == 0 then return end
  elseif not call('ZSCORE', waiting, id) then
    return
  end
  if small then
    call('XADD', late, 'MAXLEN', '~', '10000', '*', 'i', id, 'v', value)
  else
    call('XADD', late, 'MAXLEN', '~', '10000', '*', 'i', id)
  end
  call('PEXPIRE', late, '3600000')
end

-- keep_reply_stream: called once a script for each reply stream that was written.
local function keep_reply_stream(reply)
  call('PEXPIRE', reply, '3600000')
end
