-- Gives a job back without counting: what stopped it is not its fault.
--   {id, fence, delay_ms, limits} -> ok | stale

allow_when_full()
local job = read_running(args.id, args.fence, 'progress')
if not job then return reply({ result = 'stale' }) end
if job.cancel_requested then
  settle(job, 'canceled')
else
  requeue(job, args.delay_ms)
end
return reply({ result = 'ok' })
