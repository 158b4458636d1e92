import { limits } from '@app/contracts';
import { z } from 'zod';

/** What a service has to be told of its database. */
export const databaseSettings = {
  DATABASE_URL: z
    .string()
    .refine(isAddress, 'must be an address of PostgreSQL with the name of a database')
    .meta({ example: 'postgresql://app:secret@localhost:5432/app', secret: true }),
  ...limits('pool_size', 'pool_wait_ms', 'statement_timeout_ms', 'lock_timeout_ms'),
};

export type DatabaseConfig = z.output<z.ZodObject<typeof databaseSettings>>;

function isAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}
