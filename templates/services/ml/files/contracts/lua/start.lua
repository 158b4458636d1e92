-- Hands a job to a worker: everything it does with it from now on carries the new fence.
--   {id, owner, lease_ms, max_attempts, limits}
--   -> [json, input]; json.result is started {fence, attempt, reclaimed, alone, model, service,
--      deadline_at, now, traceparent?, created_at} | missing | terminal | expired | canceled |
--      held {lease_ms} | dead
-- An owner starts no job that it runs. If it asks for one nevertheless, then the answer to its last
-- start was lost on the way: it starts anew and that does not count.

allow_when_full()

local function answer(fields, input) return { reply(fields), input or '' } end

local job = read_job(args.id, 'lease_until', 'owner', 'alone', 'model', 'service', 'traceparent',
  'created_at')
if not job then return answer({ result = 'missing' }) end
if is_terminal(job) then return answer({ result = 'terminal' }) end

local elsewhere = job.status == 'running' and job.owner ~= args.owner
if elsewhere and (job.lease_until or 0) > now then
  return answer({ result = 'held', lease_ms = job.lease_until - now })
end
if job.cancel_requested then
  settle(job, 'canceled')
  return answer({ result = 'canceled' })
end
if job.deadline_at <= now then
  settle(job, 'expired')
  return answer({ result = 'expired' })
end
if elsewhere then
  -- The lease was lost: its worker is gone, frozen or cut off. That counts, or else a job that
  -- kills its worker would be tried for ever.
  if job.attempt >= args.max_attempts then
    settle(job, 'failed', {
      dead = 'lease-lost',
      error = cjson.encode({
        type = '/problems/attempts-exhausted',
        title = 'Attempts exhausted',
        status = 500,
        detail = 'The worker was lost in each of the last attempts; there were '
          .. integer(job.attempt) .. '.',
      }),
    })
    return answer({ result = 'dead' })
  end
  job.attempt = job.attempt + 1
end

job.fence = job.fence + 1
job.status = 'running'
redis.call('ZREM', DUE, args.id)
redis.call('HSET', job_key(args.id), 'status', 'running', 'fence', integer(job.fence),
  'attempt', integer(job.attempt), 'owner', args.owner, 'progress', '0',
  'lease_until', integer(now + args.lease_ms))
redis.call('HSETNX', job_key(args.id), 'started_at', integer(now))
emit(job, 'running')
return answer({
  result = 'started',
  fence = job.fence,
  attempt = job.attempt,
  reclaimed = elsewhere,
  alone = job.alone ~= nil,
  model = job.model,
  service = job.service,
  deadline_at = job.deadline_at,
  now = now,
  traceparent = job.traceparent,
  created_at = tonumber(job.created_at),
}, redis.call('HGET', job_key(args.id), 'input'))
