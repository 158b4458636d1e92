-- Cancels a job that nobody runs, and asks the one who runs it otherwise.
--   {id, limits}
--   -> canceled | canceling | terminal | missing

allow_when_full()
local job = read_job(args.id, 'lease_until', 'progress')
if not job then return reply({ result = 'missing' }) end
if is_terminal(job) then return reply({ result = 'terminal' }) end
-- A worker whose lease is over has lost the job: there is nobody to ask.
if job.status == 'running' and (job.lease_until or 0) > now then
  redis.call('HSET', job_key(args.id), 'cancel_requested', '1')
  return reply({ result = 'canceling' })
end
settle(job, 'canceled')
return reply({ result = 'canceled' })
