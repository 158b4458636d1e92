-- Takes in a job, or says why not. ARGV[2]: its input.
--   {id, caller, service, model, deadline_s, idempotency_key?, body_hash?, traceparent?,
--    redriven_from?, max_live, quota_per_minute?, stream, claim_ms?, limits}
--   stream: the queue is one in Redis; claim_ms: otherwise, the caller publishes it for so long
--   -> accepted {created_at, deadline_at, claim?} | replayed {id} | conflict {id} | quota {retry_after_ms} | full
-- The quota comes first: a replay costs its caller what a job does. A Redis without memory refuses
-- new jobs when it has nothing left to forget, with an error as its own: `OOM`.

local ROOM_FOR_ONE = 100

local full = is_full()
allow_when_full()
if args.quota_per_minute then
  local quota = quota_key(args.caller)
  local used = tonumber(redis.call('GET', quota) or '0')
  if used >= args.quota_per_minute then
    return reply({ result = 'quota', retry_after_ms = math.max(redis.call('PTTL', quota), 1) })
  end
  redis.call('INCR', quota)
  if used == 0 then redis.call('PEXPIRE', quota, '60000') end
end

-- The same id again: a client whose connection broke repeats what it cannot know to have worked.
if redis.call('EXISTS', job_key(args.id)) == 1 then
  return reply({ result = 'replayed', id = args.id })
end

local idempotency
if args.idempotency_key then
  idempotency = idempotency_key(args.caller, args.idempotency_key)
  local earlier = redis.call('GET', idempotency)
  -- The key of a job that was lost stands for nothing.
  local earlier_hash = earlier and redis.call('HMGET', job_key(earlier), 'id', 'body_hash')
  if earlier_hash and earlier_hash[1] then
    local same = (earlier_hash[2] or '') == (args.body_hash or '')
    return reply({ result = same and 'replayed' or 'conflict', id = earlier })
  end
end

-- A dead job is redriven once. Its successor is found in it as long as it lives.
if args.redriven_from then
  local successor = redis.call('HGET', job_key(args.redriven_from), 'redriven_to')
  if successor then return reply({ result = 'replayed', id = successor }) end
end

if redis.call('ZCARD', LIVE) >= args.max_live then return reply({ result = 'full' }) end

if full then
  local _, has_room = make_room(ROOM_FOR_ONE)
  if not has_room then return redis.error_reply('OOM there is no memory for new jobs') end
end

local deadline_at = now + math.floor(args.deadline_s * 1000)
local fields = {
  'id', args.id,
  'caller', args.caller,
  'service', args.service,
  'model', args.model,
  'status', 'queued',
  'attempt', '1',
  'fence', '0',
  'progress', '0',
  'created_at', integer(now),
  'deadline_at', integer(deadline_at),
  'input', ARGV[2],
}
for _, name in ipairs({ 'idempotency_key', 'body_hash', 'traceparent', 'redriven_from' }) do
  if args[name] then
    table.insert(fields, name)
    table.insert(fields, args[name])
  end
end
redis.call('HSET', job_key(args.id), unpack(fields))
redis.call('ZADD', LIVE, integer(deadline_at), args.id)
redis.call('ZADD', ACCEPTED, integer(now), args.id)
if idempotency then redis.call('SET', idempotency, args.id) end
if args.redriven_from and redis.call('EXISTS', job_key(args.redriven_from)) == 1 then
  redis.call('HSET', job_key(args.redriven_from), 'redriven_to', args.id)
  redis.call('ZREM', DEAD, args.redriven_from)
end
local claim
if args.stream then
  redis.call('XADD', queue_key(args.service), '*', 'id', args.id)
elseif args.claim_ms then
  claim = claim_due(args.id, args.claim_ms)
else
  redis.call('ZADD', DUE, integer(now), args.id)
end
emit({ id = args.id, status = 'queued', attempt = 1 }, 'queued')
return reply({ result = 'accepted', created_at = now, deadline_at = deadline_at, claim = claim })
