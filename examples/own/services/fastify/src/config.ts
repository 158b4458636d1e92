import { limits } from '@app/contracts';
import { keysInProduction, readEnvironment, serverSettings } from '@app/http/settings';
import { databaseSettings } from '@app/postgres/settings';
import { z } from 'zod';

const Environment = z.object({
  ...serverSettings('orders', 3080, 9464),
  ...databaseSettings,
  ...limits('body_limit_bytes', 'page_size', 'page_max'),
});

export type Config = z.output<typeof Environment>;

/** Reads the environment, but for where the contracts are. Throws a `ConfigurationError` that names every bad variable. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  return readEnvironment(Environment.check(keysInProduction), environment);
}
