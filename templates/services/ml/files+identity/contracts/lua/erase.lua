-- Cancels a caller's jobs, and forgets those that have ended. Looks at some keys: from cursor 0 until
-- it is 0 again, and all over again while some are running.
--   {caller, cursor, limits} -> {cursor, erased, running}

allow_when_full()
local erased, running = 0, 0
local found = redis.call('SCAN', args.cursor, 'MATCH', job_key('*'), 'COUNT', '1000', 'TYPE', 'hash')
for _, key in ipairs(found[2]) do
  local job = read_job(string.sub(key, #job_key('') + 1), 'lease_until', 'progress')
  if job and job.caller == args.caller then
    if is_terminal(job) or cancel(job) == 'canceled' then
      forget(job.id)
      erased = erased + 1
    else
      running = running + 1
    end
  end
end
redis.call('DEL', quota_key(args.caller))
return reply({ cursor = found[1], erased = erased, running = running })
