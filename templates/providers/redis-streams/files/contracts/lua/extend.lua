-- Keeps a queue entry from being reclaimed while its job runs. The fence is looked at first: XCLAIM
-- asks nothing, so that a worker which had been frozen would steal the entry back.
--   {stream, group, consumer, entry, id, fence} -> ok | stale

allow_when_full()
if not read_running(args.id, args.fence) then return reply({ result = 'stale' }) end
redis.call('XCLAIM', args.stream, args.group, args.consumer, '0', args.entry, 'JUSTID')
return reply({ result = 'ok' })
