-- Forgets what the broker has confirmed. What was put into `due` after it was claimed stays there:
-- a worker may have taken a job and failed, all before the confirmation arrived.
--   {jobs: [{id, claim}]} -> {relayed}

allow_when_full()
local relayed = 0
for _, job in ipairs(args.jobs) do
  if redis.call('ZSCORE', DUE, job.id) == job.claim then
    relayed = relayed + redis.call('ZREM', DUE, job.id)
  end
end
return reply({ relayed = relayed })
