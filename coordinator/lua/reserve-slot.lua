-- Leases a slot of a machine that another node has.
-- KEYS[1]  hash of the machine
-- KEYS[2]  sorted set of the leases of one of its models: attempt id -> when it ends, ms by this server's clock
-- ARGV[1]  the epoch of the machine's connection, as the node that asks knows it
-- ARGV[2]  the model
-- ARGV[3]  the attempt's id: who asks twice for one attempt has one slot
-- ARGV[4]  how long the lease lasts unless it is renewed, ms
-- Returns the fencing token, greater than that of every earlier lease of the machine, whatever this server has forgotten;
-- or why there is none: `moved`, `draining`, `full`.
local machine = redis.call("HMGET", KEYS[1], "epoch", "draining", "capacity:" .. ARGV[2], "used:" .. ARGV[2], "fence")
if machine[1] ~= ARGV[1] then
  return "moved"
end
if machine[2] == "1" then
  return "draining"
end
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", now)
if not redis.call("ZSCORE", KEYS[2], ARGV[3]) then
  local used = tonumber(machine[4] or "0") + redis.call("ZCARD", KEYS[2])
  if used >= tonumber(machine[3] or "0") then
    return "full"
  end
end
redis.call("ZADD", KEYS[2], now + tonumber(ARGV[4]), ARGV[3])
redis.call("PEXPIRE", KEYS[2], ARGV[4])
local fence = string.format("%.0f", math.max(time[1] * 1000000 + time[2], tonumber(machine[5] or "0") + 1))
redis.call("HSET", KEYS[1], "fence", fence)
return fence
