-- Who is present in a channel, by Redis' clock, the only one that replicas share.
--   {key, ttl_ms, listed, entering: [entries], leaving: [entries], hint}
--   -> {count: of all, members: the first `listed` to come}; entries are JSON
--
--   {key}           sorted set: entry -> time at which it is forgotten, unless it enters again
--   {key}:arrivals  sorted set: entry -> time at which it came, so that the list is the same for all
local args = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local arrivals = args.key .. ':arrivals'
local changes = 0
-- Redis without memory lets a script go on that has begun with a write that frees some. This here is
-- little, and ends by itself.
redis.call('DEL', 'never')

local function leave(entry)
  redis.call('ZREM', arrivals, entry)
  changes = changes + redis.call('ZREM', args.key, entry)
end

for _, entry in ipairs(redis.call('ZRANGEBYSCORE', args.key, '-inf', now)) do leave(entry) end
for _, entry in ipairs(args.leaving) do leave(entry) end
for _, entry in ipairs(args.entering) do
  redis.call('ZADD', arrivals, 'NX', now, entry)
  changes = changes + redis.call('ZADD', args.key, now + args.ttl_ms, entry)
end
redis.call('PEXPIRE', args.key, args.ttl_ms)
redis.call('PEXPIRE', arrivals, args.ttl_ms)
if changes > 0 then redis.call('PUBLISH', args.hint, '') end

local members = redis.call('ZRANGE', arrivals, 0, args.listed - 1)
local count = redis.call('ZCARD', args.key)
return '{"count":' .. count .. ',"members":[' .. table.concat(members, ',') .. ']}'
