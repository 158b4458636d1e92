-- Records how much of a job is done, from 0 to 1. It never goes back within an attempt.
--   {id, fence, progress, limits} -> ok | stale

allow_when_full()
local job = read_running(args.id, args.fence, 'progress')
if not job then return reply({ result = 'stale' }) end
local progress = math.min(args.progress, 1)
if progress > (job.progress or 0) then
  job.progress = progress
  redis.call('HSET', job_key(args.id), 'progress', tostring(progress))
  emit(job, 'progress')
end
return reply({ result = 'ok' })
