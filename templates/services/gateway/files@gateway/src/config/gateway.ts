import { isIP } from 'node:net';
import { limits } from '@app/contracts';
import { z } from 'zod';

const port = z.coerce
  .number('must be a number from 1 to 65535')
  .int('must be a number from 1 to 65535')
  .min(1, 'must be a number from 1 to 65535')
  .max(65_535, 'must be a number from 1 to 65535');

export const gateway = {
  SERVICE_NAME: z.string().meta({ example: 'gateway' }),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(3000),
  METRICS_PORT: port.default(9464),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'is not a log level')
    .default('info'),
  APP_ENV: z
    .enum(['development', 'production'], 'must be development or production')
    .default('development'),
  CORS_ORIGINS: list(isOrigin, 'must be origins with commas between them'),
  TRUST_PROXY: list(isNetwork, 'must be addresses or networks with commas between them'),
  API_KEYS_FILE: z.string().optional(),
  ...limits(
    'body_limit_bytes',
    'body_depth_max',
    'handler_timeout_s',
    'drain_s',
    'request_timeout_s',
    'rate_limit_per_minute',
    'event_loop_delay_ms',
  ),
};

function list(isItem: (text: string) => boolean, message: string) {
  return z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((item) => item.trim() || []))
    .refine((items) => items.every(isItem), message);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
