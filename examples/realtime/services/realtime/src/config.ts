import { limits } from '@app/contracts';
import { keysInProduction, origins, readEnvironment, serverSettings } from '@app/http/settings';
import { stateSettings } from '@app/state';
import { z } from 'zod';

const Environment = z.object({
  ...serverSettings('realtime', 3001, 9101),
  ...stateSettings,
  ALLOWED_ORIGINS: origins(),
  ...limits(
    'ws_max_payload_bytes',
    'ws_ping_s',
    'ws_buffer_max_bytes',
    'ws_subscriptions_max',
    'channel_ttl_s',
    'channel_maxlen',
    'channel_max_bytes',
    'channels_caller_max_bytes',
    'channels_max_bytes',
    'presence_ttl_s',
    'presence_interval_s',
    'presence_listed',
    'subscribe_per_second',
    'publish_max_bytes',
    'publish_per_second',
    'poll_s',
    'sse_comment_s',
    'sse_retry_ms',
  ),
});

export type Config = z.output<typeof Environment>;

/** Reads the environment, but for where the contracts are. Throws a `ConfigurationError` that names every bad variable. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  return readEnvironment(Environment.check(keysInProduction), environment);
}
