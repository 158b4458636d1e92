-- Forgets what the broker has confirmed, and makes the rest due again at once. What was put into
-- `due` after it was claimed stays as it is: a worker may have taken a job and failed, all before
-- the confirmation arrived.
--   {jobs: [{id, claim, confirmed}]} -> {relayed}

allow_when_full()
local relayed = 0
for _, job in ipairs(args.jobs) do
  if redis.call('ZSCORE', DUE, job.id) == job.claim then
    if job.confirmed then
      relayed = relayed + redis.call('ZREM', DUE, job.id)
    else
      redis.call('ZADD', DUE, integer(now), job.id)
    end
  end
end
return reply({ relayed = relayed })
