-- Prolongs the lease and tells the worker whether to go on.
--   {id, fence, lease_ms, limits} -> ok | cancel | expired | stale
-- After `cancel` the job is still the worker's, to finish as canceled; after `expired` it is not.

allow_when_full()
local job = read_running(args.id, args.fence, 'progress')
if not job then return reply({ result = 'stale' }) end
if job.deadline_at <= now then
  settle(job, 'expired')
  return reply({ result = 'expired' })
end
redis.call('HSET', job_key(args.id), 'lease_until', integer(now + args.lease_ms))
return reply({ result = job.cancel_requested and 'cancel' or 'ok' })
