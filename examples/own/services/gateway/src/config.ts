import { keysInProduction, readEnvironment } from '@app/http/settings';
import { z } from 'zod';
import { gateway } from './config/gateway.ts';
import { api } from './config/api.ts';

const Environment = z.object({
  ...gateway,
  ...api,
});

export type Config = z.output<typeof Environment>;

/** Reads the environment, but for where the contracts are. Throws a `ConfigurationError` that names every bad variable. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  return readEnvironment(Environment.check(keysInProduction), environment);
}
