-- What there is of a caller's jobs. Looks at some keys: from cursor 0 until it is 0 again.
--   {caller, cursor} -> {cursor, jobs: [fields of a job]}; a job may come twice

local found = redis.call('SCAN', args.cursor, 'MATCH', job_key('*'), 'COUNT', '1000', 'TYPE', 'hash')
local jobs = {}
for _, key in ipairs(found[2]) do
  if redis.call('HGET', key, 'caller') == args.caller then
    local fields = redis.call('HGETALL', key)
    local job = {}
    for index = 1, #fields, 2 do job[fields[index]] = fields[index + 1] end
    table.insert(jobs, job)
  end
end
-- An empty table would be encoded as an object.
if #jobs == 0 then return '{"cursor":"' .. found[1] .. '","jobs":[]}' end
return reply({ cursor = found[1], jobs = jobs })
