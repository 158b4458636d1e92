import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from './generated/client.ts';

/** What the adapter keeps of a failure; without a code it is one of the connection. */
interface Failure {
  kind: string;
  originalCode?: string;
  originalMessage?: string;
  constraint?: { index?: string };
}

export type Client = ReturnType<typeof createClient>;

/** Prisma on a pool. A failure is thrown as `pg` says it, which `@app/postgres/failures` knows. */
export function createClient(pool: pg.Pool) {
  return new PrismaClient({ adapter: new PrismaPg(pool) }).$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        try {
          return await query(args);
        } catch (error) {
          throw asSaid(error);
        }
      },
    },
  });
}

function asSaid(error: unknown): unknown {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return error;
  const failure = Object(error.meta?.['driverAdapterError']).cause as Failure | undefined;
  if (!failure) return error;
  const { kind, originalCode: code, originalMessage = kind, constraint } = failure;
  if (code === undefined) return Object.assign(new Error(kind), { code: 'ECONNRESET' });
  const said = new pg.DatabaseError(originalMessage, originalMessage.length, 'error');
  return Object.assign(said, { code, constraint: constraint?.index });
}
