-- Expires what is past its deadline, whether somebody has taken it or not, and forgets dead jobs
-- whose hash is gone.
--   {limit, limits} -> {expired: [ids]}

allow_when_full()
local expired = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', LIVE, '-inf', integer(now), 'LIMIT', 0, args.limit)) do
  local job = read_job(id, 'progress')
  if job and not is_terminal(job) then
    settle(job, 'expired')
    table.insert(expired, id)
  else
    redis.call('ZREM', LIVE, id)
    redis.call('ZREM', ACCEPTED, id)
  end
end
redis.call('ZREMRANGEBYSCORE', DEAD, '-inf', integer(now - args.limits.dead_s * 1000))
-- An empty table would be encoded as an object.
return #expired == 0 and '{"expired":[]}' or reply({ expired = expired })
