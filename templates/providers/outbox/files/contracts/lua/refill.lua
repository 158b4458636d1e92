-- Puts into `due` what only the broker's queue told of, and that queue is new: an older one was
-- deleted or lost. Call it again with the cursor that it returns, until that is `0`.
--   {service, cursor, limit} -> {cursor}

allow_when_full()
local found = redis.call('ZSCAN', LIVE, args.cursor, 'COUNT', args.limit)
for index = 1, #found[2], 2 do
  local id = found[2][index]
  local job = read_job(id, 'service', 'lease_until')
  if job and not is_terminal(job) and job.service == args.service then
    -- What runs comes again if its worker does not end it.
    local at = job.status == 'running' and math.max(job.lease_until or 0, now) or now
    redis.call('ZADD', DUE, 'NX', integer(at), id)
  end
end
return reply({ cursor = found[1] })
