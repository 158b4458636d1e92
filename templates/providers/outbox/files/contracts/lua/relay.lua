-- Gives out what is due, to be published: nobody else gets it until the claim is over, and then it
-- is due again, unless `relayed` says that the broker has it.
--   {limit, claim_ms} -> {jobs: [{id, service, claim}]}

allow_when_full()
local jobs = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', integer(now), 'LIMIT', 0, args.limit)) do
  local job = read_job(id, 'service')
  if job and not is_terminal(job) then
    table.insert(jobs, { id = id, service = job.service, claim = claim_due(id, args.claim_ms) })
  else
    redis.call('ZREM', DUE, id)
  end
end
-- An empty table would be encoded as an object.
return #jobs == 0 and '{"jobs":[]}' or reply({ jobs = jobs })
