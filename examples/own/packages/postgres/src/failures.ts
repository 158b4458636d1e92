import { Problem, unavailable } from '@app/http/problems';
import pg from 'pg';

// https://www.postgresql.org/docs/current/errcodes-appendix.html
/** Connection, authorization, no such database, read only, resources, operator, system. */
const AWAY = /^(08|28|3D|25006|53|57P|58)/;
/** Statement and lock timeout, deadlock, serialization. */
const BUSY = /^(57014|55P03|40P01|40001)$/;
const AGAIN = /^(40P01|40001)$/;
const NETWORK =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/;
/** `pg` gives these no code. */
const LOST =
  /^(timeout expired|timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client has encountered a connection error|Client was closed|Cannot use a pool after)/;

const ATTEMPTS = 4;

interface Wrapped extends Error {
  driverError?: unknown;
  parent?: unknown;
}

/** What the server or the connection said, under what an ORM made of it. */
export function rootOf(error: unknown): unknown {
  if (error instanceof pg.DatabaseError || !(error instanceof Error)) return error;
  // Drizzle, TypeORM and Sequelize, each in its own word.
  const { cause, driverError = cause, parent = driverError }: Wrapped = error;
  return parent === undefined ? error : rootOf(parent);
}

/** The unique constraint that a statement would have broken. */
export function brokenUnique(error: unknown): string | undefined {
  const root = rootOf(error);
  return root instanceof pg.DatabaseError && root.code === '23505' ? root.constraint : undefined;
}

/** Whether the database cannot be reached, as opposed to a mistake in what it was asked. */
export function isAway(error: unknown): boolean {
  const root = rootOf(error);
  if (root instanceof pg.DatabaseError) return AWAY.test(root.code ?? '');
  if (root instanceof AggregateError) return root.errors.every(isAway);
  if (!(root instanceof Error)) return false;
  return ('code' in root && NETWORK.test(String(root.code))) || LOST.test(root.message);
}

/** The problem that a failure of the database is; nothing where it is another error. */
export function databaseProblem(error: unknown): Problem | undefined {
  const root = withoutValues(rootOf(error));
  if (isAway(root)) {
    return unavailable('database-unavailable', 'The database cannot be reached now.', root);
  }
  if (root instanceof pg.DatabaseError && BUSY.test(root.code ?? '')) {
    return unavailable('database-busy', 'The database took too long.', root);
  }
  // What an ORM says of a failure has these values, too.
  if (root !== error && root instanceof pg.DatabaseError) {
    return new Problem(500, 'internal', 'Something went wrong here.', { cause: root });
  }
  return undefined;
}

/** Without what Sequelize adds: the statement and its values, which are nobody's in a log. */
function withoutValues(root: unknown): unknown {
  if (root instanceof Error) {
    for (const added of ['sql', 'parameters']) Reflect.deleteProperty(root, added);
  }
  return root;
}

/** Does again, up to three times, what the database undid for the sake of something else. */
export async function retrying<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const root = rootOf(error);
      const again = root instanceof pg.DatabaseError && AGAIN.test(root.code ?? '');
      if (!again || attempt === ATTEMPTS) throw error;
    }
  }
}
