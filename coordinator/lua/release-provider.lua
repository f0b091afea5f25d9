-- A machine has left its node.
-- KEYS[1]  hash of the machine
-- ARGV[1]  the epoch of the connection that has ended: a younger one stays
-- Returns 1 if it was the present one, else 0.
if redis.call("HGET", KEYS[1], "epoch") ~= ARGV[1] then
  return 0
end
redis.call("DEL", KEYS[1])
return 1
