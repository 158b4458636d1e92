-- Keeps a job from being forgotten whose message is about to be settled without it being done:
-- it is handed to the broker again once the lease of whoever runs it is over. Most are done by then.
--   {id, lease_ms} -> due | terminal | missing

allow_when_full()
local job = read_job(args.id, 'lease_until')
if not job then return reply({ result = 'missing' }) end
if is_terminal(job) then return reply({ result = 'terminal' }) end
if job.status == 'running' then
  redis.call('ZADD', DUE, integer(math.max(job.lease_until or 0, now)), args.id)
else
  -- It waits for something already, or its only message was the one that goes.
  redis.call('ZADD', DUE, 'NX', integer(now + args.lease_ms), args.id)
end
return reply({ result = 'due' })
