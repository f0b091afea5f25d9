-- Takes so much of a limit, or nothing: GCRA (ITU-T I.371).
-- KEYS[1]  string: when all that was taken has passed, ms by this server's clock
-- ARGV[1]  how much may be taken a minute
-- ARGV[2]  how much is wanted
-- Returns 1 or 0, how far ahead that moment is now, ms, and the moment, both as text: numbers would be cut off.
local minute = 60000
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local each = minute / tonumber(ARGV[1])
local before = math.max(tonumber(redis.call("GET", KEYS[1]) or "0"), now)
local after = before + math.min(tonumber(ARGV[2]), tonumber(ARGV[1])) * each
-- What floating point adds is no reason to refuse.
if after - now > minute + 0.001 then
  return { 0, string.format("%.6f", before - now), string.format("%.6f", before) }
end
redis.call("SET", KEYS[1], string.format("%.6f", after), "PX", math.ceil(after - now) + 1000)
return { 1, string.format("%.6f", after - now), string.format("%.6f", after) }
