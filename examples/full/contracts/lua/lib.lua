-- What the scripts of jobs in this folder share. A loader sends lib.lua, a newline and one script.
--
-- The keys of jobs are named here alone. No script declares KEYS: a job's keys follow from its id,
-- its caller and its service, which only the job itself knows. That is right for a single Redis
-- (with replicas, if you like) and wrong for Redis Cluster.
--
--   job:{id}          hash, everything of one job; times are milliseconds
--   job:{id}:events   stream, what happened to it
--   live              sorted set, id -> deadline, of every job that is not terminal
--   accepted          sorted set, id -> time of acceptance, of the same jobs: the oldest one's age
--   due               sorted set, id -> time at which it is to be handed to the broker
--   dead              sorted set, id -> time at which it was given up
--   kept              sorted set, id -> time at which it is forgotten, of every terminal job
--   ended             how many jobs have ended
--   queue:{service}   stream of ids (only with Redis Streams as the queue)
--   idem:{n}:{caller}:{key}   the id that an idempotency key stands for; n is the caller's length,
--                     because both parts may contain colons
--   quota:{caller}    how many jobs the caller has posted in the present minute

local function decode_arguments()
  local decoded = cjson.decode(ARGV[1])
  for name, value in pairs(decoded) do
    if value == cjson.null then decoded[name] = nil end
  end
  return decoded
end

local args = decode_arguments()

-- The only clock: that of Redis, in milliseconds.
local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local now = read_clock()

local LIVE, ACCEPTED, DUE, DEAD = 'live', 'accepted', 'due', 'dead'
local KEPT, ENDED = 'kept', 'ended'

local function job_key(id) return 'job:' .. id end
local function events_key(id) return 'job:' .. id .. ':events' end
local function queue_key(service) return 'queue:' .. service end
local function quota_key(caller) return 'quota:' .. caller end
local function idempotency_key(caller, key)
  return 'idem:' .. #caller .. ':' .. caller .. ':' .. key
end

-- Integers as text without an exponent, whatever their size.
local function integer(number) return string.format('%.0f', number) end

local function reply(fields) return cjson.encode(fields) end

-- Puts a job into `due` for the moment at which whoever publishes it now is taken to have failed.
-- The half marks a claim, because no other time in `due` has one: it is told apart from a retry
-- that was planned meanwhile. Returns the claim as text.
local function claim_due(id, milliseconds)
  local claim = integer(now + milliseconds) .. '.5'
  redis.call('ZADD', DUE, claim, id)
  return claim
end

-- At `maxmemory` Redis refuses a script at its first write that may need memory, and lets it go on
-- once it has written. Accepted work must be able to finish then, so every script begins with a write
-- that frees at most.
local function allow_when_full() redis.call('DEL', 'never') end

-- Forgets a terminal job with its events and its key. Nothing else ends any of them, so that no key
-- is forgotten while its job is there: they have no time to live, and a Redis that evicts what has
-- one leaves them alone.
local function forget(id)
  local found = redis.call('HMGET', job_key(id), 'caller', 'idempotency_key')
  if found[2] then
    local idempotency = idempotency_key(found[1], found[2])
    if redis.call('GET', idempotency) == id then redis.call('DEL', idempotency) end
  end
  redis.call('DEL', job_key(id), events_key(id))
  redis.call('ZREM', KEPT, id)
  redis.call('ZREM', DEAD, id)
end

-- This part of `maxmemory` is free after room was made, so that it need not be made for each write.
local FREE_PART = 0.05
-- So many jobs are forgotten between two looks at the memory.
local FORGET_AT_ONCE = 20

-- What counts against `maxmemory`, and that, in bytes. It is 0 where there is no bound.
local function read_memory()
  local info = redis.call('INFO', 'memory')
  local function field(name) return tonumber(string.match(info, '\n' .. name .. ':(%d+)')) or 0 end
  return field('used_memory') - field('mem_not_counted_for_evict'), field('maxmemory')
end

-- Whether a write that may need memory is refused. To be asked before the first write.
local function is_full()
  -- It writes nothing, and is refused like one that does.
  local answer = redis.pcall('SETRANGE', 'never', '0', '')
  return type(answer) == 'table' and string.find(answer.err, 'OOM', 1, true) ~= nil
end

-- Forgets terminal jobs, those whose time would be over next, until there is memory to spare, and
-- at most so many. Returns how many, and whether Redis is below its bound.
local function make_room(most)
  local forgotten = 0
  local used, bound = read_memory()
  while bound > 0 and used > bound * (1 - FREE_PART) and forgotten < most do
    local last = math.min(FORGET_AT_ONCE, most - forgotten) - 1
    local ids = redis.call('ZRANGE', KEPT, 0, last)
    if #ids == 0 then break end
    for _, id in ipairs(ids) do forget(id) end
    forgotten = forgotten + #ids
    used = read_memory()
  end
  return forgotten, bound == 0 or used < bound
end

-- Fields of a job by name, or nil where there is no such job. A field that is not set is absent.
local function read_job(id, ...)
  if redis.call('EXISTS', job_key(id)) == 0 then return nil end
  local names = { 'status', 'fence', 'attempt', 'caller', 'deadline_at', 'cancel_requested', ... }
  local values = redis.call('HMGET', job_key(id), unpack(names))
  local job = { id = id }
  for index, name in ipairs(names) do
    if values[index] then job[name] = values[index] end
  end
  for _, name in ipairs({ 'fence', 'attempt', 'deadline_at', 'lease_until', 'progress' }) do
    job[name] = tonumber(job[name])
  end
  return job
end

local function is_terminal(job) return job.status ~= 'queued' and job.status ~= 'running' end

-- The job, if the caller of the script is the one that runs it now; nil for everyone else.
local function read_running(id, fence, ...)
  local job = read_job(id, ...)
  if job and job.status == 'running' and job.fence == fence then return job end
  return nil
end

-- RFC 3339 in UTC with milliseconds. The days are turned into a date as in Howard Hinnant,
-- "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
local function timestamp(milliseconds)
  local days = math.floor(milliseconds / 86400000)
  local rest = milliseconds - days * 86400000
  local z = days + 719468
  local era = math.floor(z / 146097)
  local day_of_era = z - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460)
    + math.floor(day_of_era / 36524) - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era
    - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local shifted_month = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * shifted_month + 2) / 5) + 1
  local month = shifted_month < 10 and shifted_month + 3 or shifted_month - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
    math.floor(rest / 3600000), math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60,
    rest % 1000)
end

-- Larger outputs are fetched with the job, so that a stream of events stays small.
local EVENT_OUTPUT_BYTES = 4096

-- Appends to the job's events and wakes those who wait for them. `output` is JSON text.
local function emit(job, kind, output)
  local data = cjson.encode({
    id = job.id,
    status = job.status,
    attempt = job.attempt,
    progress = job.progress or 0,
    at = timestamp(now),
  })
  if output and #output < EVENT_OUTPUT_BYTES then
    data = string.sub(data, 1, -2) .. ',"output":' .. output .. '}'
  end
  local entry = redis.call('XADD', events_key(job.id), 'MAXLEN', '~',
    integer(args.limits.events_maxlen), '*', 'type', kind, 'data', data)
  redis.call('PUBLISH', 'hint:jobs/' .. job.id, entry)
end

-- Ends a job, once and for all. Only from here on can it be forgotten, when its time is over or
-- memory is short.
-- result: output (JSON text), error (JSON text), model_version, dead (why nobody should try again)
local function settle(job, status, result)
  result = result or {}
  local key = job_key(job.id)
  local keep_s = args.limits.result_s
  if result.dead and args.limits.dead_s > keep_s then keep_s = args.limits.dead_s end
  local expires_at = now + math.floor(keep_s * 1000)
  job.status = status
  if status == 'succeeded' then job.progress = 1 end

  redis.call('ZREM', LIVE, job.id)
  redis.call('ZREM', ACCEPTED, job.id)
  redis.call('ZREM', DUE, job.id)
  redis.call('ZADD', KEPT, integer(expires_at), job.id)
  redis.call('INCR', ENDED)
  redis.call('HDEL', key, 'owner', 'lease_until', 'cancel_requested')
  -- A dead job keeps its input, because a redrive needs it; an error tells of a failure only.
  if not result.dead then redis.call('HDEL', key, 'input') end
  if status ~= 'failed' then redis.call('HDEL', key, 'error') end

  local fields = {
    'status', status,
    'attempt', integer(job.attempt),
    'progress', tostring(job.progress or 0),
    'finished_at', integer(now),
    'expires_at', integer(expires_at),
  }
  for _, name in ipairs({ 'output', 'error', 'model_version' }) do
    if result[name] then
      table.insert(fields, name)
      table.insert(fields, result[name])
    end
  end
  if result.dead then
    table.insert(fields, 'dead_reason')
    table.insert(fields, result.dead)
    redis.call('ZADD', DEAD, integer(now), job.id)
  end
  redis.call('HSET', key, unpack(fields))

  emit(job, status, result.output)
  redis.call('PEXPIRE', events_key(job.id), integer(args.limits.events_s * 1000))
end

-- Cancels a job that nobody runs, and asks the one who runs it otherwise: canceled or canceling.
local function cancel(job)
  -- A worker whose lease is over has lost the job: there is nobody to ask.
  if job.status == 'running' and (job.lease_until or 0) > now then
    redis.call('HSET', job_key(job.id), 'cancel_requested', '1')
    return 'canceling'
  end
  settle(job, 'canceled')
  return 'canceled'
end

-- Puts a running job back into the queue, by way of the outbox.
local function requeue(job, delay_ms)
  job.status = 'queued'
  job.progress = 0
  redis.call('HDEL', job_key(job.id), 'owner', 'lease_until')
  redis.call('HSET', job_key(job.id), 'status', 'queued', 'attempt', integer(job.attempt),
    'progress', '0')
  redis.call('ZADD', DUE, integer(now + delay_ms), job.id)
  emit(job, 'queued')
end
