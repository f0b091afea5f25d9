-- What was taken of a limit came to less, or to more.
-- KEYS[1]  string: when all that was taken has passed, ms by this server's clock
-- ARGV[1]  how much may be taken a minute
-- ARGV[2]  how much less; below 0 = how much more
-- ARGV[3]  the moment as it was when that was taken: what has passed of it cannot be given back
-- Returns how far ahead the moment is now, ms, as text.
local minute = 60000
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local before = math.max(tonumber(redis.call("GET", KEYS[1]) or "0"), now)
local back = math.min(tonumber(ARGV[2]) * minute / tonumber(ARGV[1]), math.max(0, tonumber(ARGV[3]) - now))
local after = math.max(now, before - back)
redis.call("SET", KEYS[1], string.format("%.6f", after), "PX", math.ceil(after - now) + 1000)
return string.format("%.6f", after - now)
