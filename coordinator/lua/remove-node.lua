-- Says that a coordinator leaves.
-- KEYS[1]  sorted set: node id -> when it counts as gone
-- KEYS[2]  hash: node id -> its facts, JSON with a member `epoch`
-- ARGV[1]  the node's id
-- ARGV[2]  the epoch of the process that leaves: a younger one that has its id stays
-- Returns 1 if it was there, else 0.
local facts = redis.call("HGET", KEYS[2], ARGV[1])
if not facts or cjson.decode(facts).epoch ~= tonumber(ARGV[2]) then
  return 0
end
redis.call("ZREM", KEYS[1], ARGV[1])
redis.call("HDEL", KEYS[2], ARGV[1])
return 1
