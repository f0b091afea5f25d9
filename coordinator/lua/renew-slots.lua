-- Says that attempts still run.
-- KEYS[1]  sorted set of the leases of one model of a machine
-- ARGV[1]  how long they last from now on, ms
-- ARGV[2…] the attempts' ids
-- Returns how many leases there were: one that has ended stays ended.
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local renewed = 0
for i = 2, #ARGV do
  if redis.call("ZSCORE", KEYS[1], ARGV[i]) then
    redis.call("ZADD", KEYS[1], now + tonumber(ARGV[1]), ARGV[i])
    renewed = renewed + 1
  end
end
if renewed > 0 then
  redis.call("PEXPIRE", KEYS[1], ARGV[1])
end
return renewed
