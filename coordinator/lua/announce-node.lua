-- Says that a coordinator is there, and reads who else is.
-- KEYS[1]  sorted set: node id -> when it counts as gone, ms by this server's clock
-- KEYS[2]  hash: node id -> its facts, JSON with a member `epoch`
-- ARGV[1]  the node's id
-- ARGV[2]  its facts, JSON
-- ARGV[3]  the epoch in them
-- ARGV[4]  how long it counts as there, ms
-- Returns the facts of every node that is there, its own included; an empty list where a younger process has its id.
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now)
for _, id in ipairs(gone) do
  redis.call("ZREM", KEYS[1], id)
  redis.call("HDEL", KEYS[2], id)
end
local before = redis.call("HGET", KEYS[2], ARGV[1])
if before and cjson.decode(before).epoch > tonumber(ARGV[3]) then
  return {}
end
redis.call("ZADD", KEYS[1], now + tonumber(ARGV[4]), ARGV[1])
redis.call("HSET", KEYS[2], ARGV[1], ARGV[2])
return redis.call("HVALS", KEYS[2])
