import { Callers } from '@app/callers';
import { limits, readEnvironment } from '@app/contracts';
import { z } from 'zod';

const port = (message = 'must be a number from 1 to 65535') =>
  z.coerce.number(message).int(message).min(1, message).max(65_535, message);

const origins = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((origin) => origin.trim())
      .filter(Boolean),
  )
  .refine((list) => list.every((origin) => URL.parse(origin)?.origin === origin), {
    message: 'must be origins like https://app.example.com, separated by commas',
  });

const keysFile = z
  .string()
  .refine((path) => {
    try {
      return Callers.fromFile(path).configured;
    } catch {
      return false;
    }
  }, 'must be a file with lines of name:sha256-of-the-key-in-hex')
  .meta({ example: 'api-keys.txt' });

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port().default(3001),
  METRICS_PORT: port().default(9101),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'must be a level of pino')
    .default('info'),
  SERVICE_NAME: z.string().meta({ example: 'realtime' }),
  APP_ENV: z
    .enum(['development', 'production'], 'must be development or production')
    .default('development'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be a URL of redis' })
    .meta({ example: 'redis://localhost:6379' }),
  ALLOWED_ORIGINS: origins,
  API_KEYS_FILE: keysFile.optional(),
  ...limits(
    'drain_s',
    'request_timeout_s',
    'body_depth_max',
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

/** Outside development nobody is let in without a key. */
const inProduction = schema.extend({ API_KEYS_FILE: keysFile });

export type Config = z.output<typeof schema>;

/** The only reader of the environment. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const production = environment['APP_ENV'] === 'production';
  return production
    ? readEnvironment(inProduction, environment)
    : readEnvironment(schema, environment);
}
