import { limits } from '@app/contracts';
import { z } from 'zod';
import { environment as queue } from '../queue.ts';

/** A service that runs models. */
export interface InferenceService {
  /** The SERVICE_NAME of its workers, which take their jobs from the queue of that name. */
  name: string;
  url: string;
}

export const ml = {
  ...queue,
  INFERENCE_URLS: z
    .string()
    .transform((text) => text.split(',').map(parseService))
    .refine((services) => services.every(isService), 'must be name=url,name=url')
    .meta({ example: 'inference=http://localhost:8000' }),
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

function parseService(text: string): InferenceService {
  const [name = '', ...url] = text.trim().split('=');
  return { name, url: url.join('=').replace(/\/+$/, '') };
}

function isService({ name, url }: InferenceService): boolean {
  return name !== '' && URL.canParse(url) && /^https?:/.test(url);
}
