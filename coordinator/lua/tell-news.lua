-- Says that something has changed which all nodes remember.
-- KEYS[1]  string: how often something has changed
-- ARGV[1]  the channel on which it is told
-- ARGV[2]  what has changed
-- ARGV[3]  1 = the channel is sharded
-- Returns the count, which is told along: whoever finds a gap has missed something.
local count = redis.call("INCR", KEYS[1])
redis.call(ARGV[3] == "1" and "SPUBLISH" or "PUBLISH", ARGV[1], count .. " " .. ARGV[2])
return count
