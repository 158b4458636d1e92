import pg from 'pg';
import { Gauge, type Registry } from 'prom-client';
import type { DatabaseConfig } from './settings.ts';

export interface Log {
  info(message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * A pool that is usable at once: it connects when it is asked for something, and again after a
 * connection is lost. Nothing that is asked of it waits for longer than its limits.
 */
export function createPool(config: DatabaseConfig, name: string, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: config.DATABASE_URL,
    application_name: name,
    // Times are read as they are written, and not where the server is.
    options: '-c TimeZone=UTC',
    max: config.POOL_SIZE,
    connectionTimeoutMillis: config.POOL_WAIT_MS,
    statement_timeout: config.STATEMENT_TIMEOUT_MS,
    lock_timeout: config.LOCK_TIMEOUT_MS,
    // For a server that does not answer any more: one that does has ended the statement before.
    query_timeout: config.STATEMENT_TIMEOUT_MS + 1_000,
    keepAlive: true,
  });
  // Of connections that nobody uses; the pool has let them go. Without a listener it ends the process.
  pool.on('error', (error) => log.warn({ err: error }, 'a connection to the database was lost'));
  // Of those that somebody uses: what runs on them fails as well.
  pool.on('connect', (client) => client.on('error', () => undefined));
  // One that waits for an answer still, which nobody waits for any more, is of no use to the next.
  pool.on('release', (_error, client) => {
    if ('readyForQuery' in client && client.readyForQuery !== true) void client.end();
  });
  return pool;
}

/** Tells Prometheus how much of the pool is in use: nothing where there is none yet. */
export function measurePool(pool: () => pg.Pool | undefined, registry: Registry): void {
  new Gauge({
    name: 'database_pool_in_use',
    help: 'Connections to the database that a request uses.',
    registers: [registry],
    collect() {
      const { totalCount = 0, idleCount = 0 } = pool() ?? {};
      this.set(totalCount - idleCount);
    },
  });
}
