-- The first page of what is pending, of each of several lanes, as long as it is not too much.
-- KEYS lanes
-- ARGV 1 group  2 entries in a page  3 of this consumer only, where there is one
-- Returns a page for each lane: entry, consumer, milliseconds idle, deliveries; for the first of
-- them only, when these have as many entries as a page. Writes nothing.
-- One call for many lanes, because mostly nothing is pending. Without IDLE: with it the server
-- scans everything pending in one go, and blocks.
local pages, count = {}, 0
for i = 1, #KEYS do
  local page = redis.pcall(
    'XPENDING', KEYS[i], ARGV[1], '-', '+', ARGV[2], unpack(ARGV, 3))
  if page.err then
    if not string.find(page.err, 'NOGROUP', 1, true) then return page end
    page = {}
  end
  pages[i] = page
  count = count + #page
  if count >= tonumber(ARGV[2]) then break end
end
return pages
