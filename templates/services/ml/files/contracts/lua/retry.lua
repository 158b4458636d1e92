-- Counts a failure and plans the next attempt, if there is one left. ARGV[2]: the problem.
--   {id, fence, delay_ms, max_attempts, alone?, limits}; alone: it may have killed what ran it, so
--   that it must run without neighbours from now on
--   -> queued {attempt} | dead | canceled | stale

allow_when_full()
local job = read_running(args.id, args.fence, 'progress')
if not job then return reply({ result = 'stale' }) end
if job.cancel_requested then
  settle(job, 'canceled')
  return reply({ result = 'canceled' })
end
if job.attempt >= args.max_attempts then
  settle(job, 'failed', { error = ARGV[2], dead = 'attempts-exhausted' })
  return reply({ result = 'dead' })
end
job.attempt = job.attempt + 1
redis.call('HSET', job_key(args.id), 'error', ARGV[2])
if args.alone then redis.call('HSET', job_key(args.id), 'alone', '1') end
requeue(job, args.delay_ms)
return reply({ result = 'queued', attempt = job.attempt })
