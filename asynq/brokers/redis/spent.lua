-- SPENT: the count of deliveries that a message is given which must not be run again. Nothing else
-- brings it there: a message that goes back becomes another entry, which is counted from the start.
-- Renewing a lease leaves the count as it is.
local SPENT = 1000000
