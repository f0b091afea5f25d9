-- Gives a leased slot back.
-- KEYS[1]  sorted set of the leases of one model of a machine
-- ARGV[1]  the attempt's id
-- Returns 1 if it was leased, else 0: who gives it back twice has given it back once.
return redis.call("ZREM", KEYS[1], ARGV[1])
