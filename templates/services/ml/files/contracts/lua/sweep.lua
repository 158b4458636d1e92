-- Expires what is past its deadline, whether somebody has taken it or not, and forgets terminal jobs
-- whose time is over, or which have to make room.
--   {limit, limits} -> {expired: [ids], forgotten}; at most `limit` each: call it again then

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
local overdue = redis.call('ZRANGEBYSCORE', KEPT, '-inf', integer(now), 'LIMIT', 0, args.limit)
for _, id in ipairs(overdue) do forget(id) end
local forgotten = #overdue + make_room(args.limit - #overdue)
-- An empty table would be encoded as an object.
if #expired == 0 then return '{"expired":[],"forgotten":' .. integer(forgotten) .. '}' end
return reply({ expired = expired, forgotten = forgotten })
