-- Deletes a consumer that has nothing pending. XGROUP DELCONSUMER alone would delete its pending
-- entries along with it, and their jobs would never run.
--   {stream, group, consumer} -> deleted | pending

allow_when_full()
if #redis.call('XPENDING', args.stream, args.group, '-', '+', 1, args.consumer) > 0 then
  return reply({ result = 'pending' })
end
redis.call('XGROUP', 'DELCONSUMER', args.stream, args.group, args.consumer)
return reply({ result = 'deleted' })
