-- Ends a job. ARGV[2]: its output if it succeeded, the problem if it failed, empty otherwise.
--   {id, fence, status, model_version?, dead?, limits} -> ok | stale
-- A result that comes before anybody noticed a cancellation or the deadline is kept: it is there.

allow_when_full()
local job = read_running(args.id, args.fence, 'progress')
if not job then return reply({ result = 'stale' }) end
local payload = ARGV[2] ~= '' and ARGV[2] or nil
settle(job, args.status, {
  output = args.status == 'succeeded' and payload or nil,
  error = args.status == 'failed' and payload or nil,
  model_version = args.model_version,
  dead = args.dead,
})
return reply({ result = 'ok' })
