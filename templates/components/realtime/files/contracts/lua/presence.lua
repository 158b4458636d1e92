-- Who is present: a sorted set of entries and when each is forgotten, by Redis' clock, the only one
-- that replicas share. Keeps `entries` (JSON) alive for `ttl_ms`; returns the count of all, and the
-- first `listed` of them.
local args = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', args.key, '-inf', now)
for _, entry in ipairs(args.entries) do
  redis.call('ZADD', args.key, now + args.ttl_ms, entry)
end
redis.call('PEXPIRE', args.key, args.ttl_ms)
local members = redis.call('ZRANGE', args.key, 0, args.listed - 1)
local count = redis.call('ZCARD', args.key)
return '{"count":' .. count .. ',"members":[' .. table.concat(members, ',') .. ']}'
