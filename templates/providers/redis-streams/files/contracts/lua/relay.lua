-- Hands what is due to the queue.
--   {limit} -> {moved}

allow_when_full()
local moved = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', integer(now), 'LIMIT', 0, args.limit)) do
  local job = read_job(id, 'service')
  if job and job.status == 'queued' then
    redis.call('XADD', queue_key(job.service), '*', 'id', id)
    moved = moved + 1
  end
  redis.call('ZREM', DUE, id)
end
return reply({ moved = moved })
