-- Cancels a job that nobody runs, and asks the one who runs it otherwise.
--   {id, limits} -> canceled | canceling | terminal | missing

allow_when_full()
local job = read_job(args.id, 'lease_until', 'progress')
if not job then return reply({ result = 'missing' }) end
if is_terminal(job) then return reply({ result = 'terminal' }) end
return reply({ result = cancel(job) })
