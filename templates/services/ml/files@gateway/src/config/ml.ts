import { limits } from '@app/contracts';
import { environment as queue } from '../queue.ts';
import { namedServices } from './named-services.ts';

export const ml = {
  ...queue,
  /** Services that run models. Workers take their jobs from the queue of their SERVICE_NAME, the name here. */
  INFERENCE_URLS: namedServices('inference=http://localhost:8000'),
  ...limits(
    'wait_max_s',
    'deadline_default_s',
    'deadline_max_s',
    'queue_max_live',
    'accept_per_minute',
    'result_ttl_s',
    'events_ttl_s',
    'dead_ttl_s',
    'events_maxlen',
    'idempotency_key_max',
    'relay_s',
  ),
};
