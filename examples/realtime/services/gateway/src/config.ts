import { readEnvironment } from '@app/contracts';
import { z } from 'zod';
import { state } from './config/state.ts';
import { gateway } from './config/gateway.ts';
import { realtime } from './config/realtime.ts';
import { keysInProduction } from './config/production.ts';

const Environment = z.object({
  ...state,
  ...gateway,
  ...realtime,
});

export type Config = z.output<typeof Environment>;

/** The only reader of the environment. Throws a `ConfigurationError` that names every bad variable. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  return readEnvironment(Environment.check(keysInProduction), environment);
}
