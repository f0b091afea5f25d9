-- A machine has connected to a node: from now on that node has it, and no other.
-- KEYS[1]  hash of the machine: epoch, node, fence, draining, state, facts, `capacity:` and `used:` of each model
-- ARGV[1]  the node's id
-- ARGV[2]  how long that holds without another word, ms
-- Returns the epoch of this connection: greater than that of every earlier one, whatever this server has forgotten.
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = tonumber(redis.call("HGET", KEYS[1], "epoch") or "0")
local epoch = string.format("%.0f", math.max(now, before + 1))
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "epoch", epoch, "node", ARGV[1])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return epoch
