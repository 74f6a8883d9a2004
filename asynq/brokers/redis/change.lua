-- Adds, removes, pauses or resumes one entry.
-- KEYS 1 version of the entries  2 their names  3 the entry
-- ARGV 1 add, replace, remove, pause or resume  2 its name  3 its rule  4 its definition, to add
-- Returns 1; 0: there is one of that name already, or none.
-- Atomic, so that of two who add one name one is told. The first write is one that a full server
-- refuses.
local now, what, name = server_time(), ARGV[1], ARGV[2]
local known = redis.call('HMGET', KEYS[3], 'o', 'p', 'l', 'v', 'r', 'd')
if what == 'add' or what == 'replace' then
  if known[1] then
    local same = known[1] == '' and known[5] == ARGV[3] and known[6] == ARGV[4]
    if same then return 1 end  -- sent again, after a reply that was lost
    if known[1] ~= '' or what == 'add' then return 0 end
  end
  changed(KEYS[1], now)
  write(KEYS[2], now, name, '', ARGV[3], ARGV[4])
  return 1
end
if not known[1] then return 0 end
if what == 'remove' then
  changed(KEYS[1], now)
  forget(KEYS[2], name)
  return 1
end
local paused = what == 'pause' and '1' or ''
if known[2] ~= paused then
  changed(KEYS[1], now)
  local last = known[3]
  if paused == '' then last = number(math.max(last, now)) end
  redis.call('HSET', KEYS[3], 'p', paused, 'l', last, 'v', number(known[4] + 1))
end
return 1
