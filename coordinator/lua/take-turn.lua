-- Takes, or keeps, what only one node does at a time.
-- KEYS[1]  string: the node that does it
-- ARGV[1]  the node that asks, with the epoch of its process
-- ARGV[2]  how long its turn lasts unless it asks again, ms
-- Returns 1 if it is its turn, else 0.
local has = redis.call("GET", KEYS[1])
if has and has ~= ARGV[1] then
  return 0
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1
