-- Lets the entries of an owner be these.
-- KEYS 1 version of the entries  2 their names
-- ARGV 1 the owner  then for each entry: name, rule, definition
-- Returns the names that are another owner's.
-- Atomic: a beat sees the old entries or the new ones. The first write is one that a full server
-- refuses.
local now, owner, names = server_time(), ARGV[1], KEYS[2]
local wanted, taken, kept, dropped = {}, {}, {}, {}
for i = 2, #ARGV, 3 do
  wanted[ARGV[i]] = true
  local whose = redis.call('HGET', names .. ':' .. ARGV[i], 'o')
  if whose and whose ~= owner then
    taken[#taken + 1] = ARGV[i]
  elseif differs(names, ARGV[i], ARGV[i + 1], ARGV[i + 2]) then
    kept[#kept + 1] = i
  end
end
for _, name in ipairs(redis.call('ZRANGE', names, 0, -1)) do
  if not wanted[name] and redis.call('HGET', names .. ':' .. name, 'o') == owner then
    dropped[#dropped + 1] = name
  end
end
if #kept + #dropped > 0 then changed(KEYS[1], now) end
for _, i in ipairs(kept) do write(names, now, ARGV[i], owner, ARGV[i + 1], ARGV[i + 2]) end
for _, name in ipairs(dropped) do forget(names, name) end
return taken
