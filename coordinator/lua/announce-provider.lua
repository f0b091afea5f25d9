-- Says how a machine is, and that its node still has it.
-- KEYS[1]  hash of the machine
-- ARGV[1]  the node's id
-- ARGV[2]  the epoch of the machine's connection
-- ARGV[3]  how long this holds without another word, ms
-- ARGV[4]  1 = nothing new is to go there
-- ARGV[5]  its state, as readers have it
-- ARGV[6]  its facts, as readers have them; empty = as before
-- ARGV[7…] three for each model: its name, the slots in all, those that the node counts itself
-- Returns 1; 0 where a younger connection has the machine; -1 where the facts have to be said again.
local epoch = redis.call("HGET", KEYS[1], "epoch")
if epoch and tonumber(epoch) > tonumber(ARGV[2]) then
  return 0
end
if ARGV[6] == "" and (epoch ~= ARGV[2] or redis.call("HEXISTS", KEYS[1], "facts") == 0) then
  return -1
end
if ARGV[6] ~= "" then
  -- Models that it does not name any more go too.
  local fence = redis.call("HGET", KEYS[1], "fence")
  redis.call("DEL", KEYS[1])
  redis.call("HSET", KEYS[1], "facts", ARGV[6], "epoch", ARGV[2], "node", ARGV[1])
  if fence then
    redis.call("HSET", KEYS[1], "fence", fence)
  end
end
redis.call("HSET", KEYS[1], "draining", ARGV[4], "state", ARGV[5])
for i = 7, #ARGV, 3 do
  redis.call("HSET", KEYS[1], "capacity:" .. ARGV[i], ARGV[i + 1], "used:" .. ARGV[i], ARGV[i + 2])
end
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1
