import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { isAway } from './failures.ts';

/** Any number, the same for all: who migrates a database waits for others who do. */
const LOCK = 7_266_104;
const MAINTENANCE = '/postgres';

export interface Migrations {
  /** `postgresql://user:password@host:port/database` */
  url: string;
  /** Files `<name>.sql` that are applied in the order of their names; `<name>.down.sql` undoes one. */
  folder: string;
  /** How long a statement waits for others' locks, which everybody behind it waits for as well. */
  lockTimeoutMs: number;
  /** How long to wait for a server that does not answer yet. */
  patienceMs?: number;
}

/** Applies what is not applied yet, each in a transaction of its own. Returns the names. */
export async function migrateUp(migrations: Migrations): Promise<string[]> {
  return await withLock(migrations, async (client, applied) => {
    const names = readdirSync(migrations.folder)
      .filter((file) => file.endsWith('.sql') && !file.endsWith('.down.sql'))
      .map((file) => file.slice(0, -'.sql'.length))
      .sort()
      .filter((name) => !applied.includes(name));
    for (const name of names) {
      const record = 'INSERT INTO schema_migrations (name) VALUES ($1)';
      await change(client, migrations, `${name}.sql`, record, name);
    }
    return names;
  });
}

/** Undoes the one that was applied last. Returns its name, if there is any. */
export async function migrateDown(migrations: Migrations): Promise<string[]> {
  return await withLock(migrations, async (client, applied) => {
    const name = applied.at(-1);
    if (name === undefined) return [];
    const record = 'DELETE FROM schema_migrations WHERE name = $1';
    await change(client, migrations, `${name}.down.sql`, record, name);
    return [name];
  });
}

async function change(
  client: pg.Client,
  { folder, lockTimeoutMs }: Migrations,
  file: string,
  record: string,
  name: string,
): Promise<void> {
  const statements = readFileSync(join(folder, file), 'utf8');
  await client.query('BEGIN');
  try {
    await client.query("SELECT set_config('lock_timeout', $1, true)", [String(lockTimeoutMs)]);
    await client.query(statements);
    await client.query(record, [name]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${file}: ${reason}`, { cause: error });
  }
}

/** Runs `work` with the names that are applied, while nobody else migrates this database. */
async function withLock(
  { url, patienceMs = 60_000 }: Migrations,
  work: (client: pg.Client, applied: string[]) => Promise<string[]>,
): Promise<string[]> {
  const client = await connect(url, Date.now() + patienceMs);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const { rows } = await client.query<{ name: string }>(
      'SELECT name FROM schema_migrations ORDER BY name',
    );
    return await work(
      client,
      rows.map(({ name }) => name),
    );
  } finally {
    // The lock goes with the connection.
    await client.end();
  }
}

async function connect(url: string, deadline: number): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    // What breaks the connection fails what runs on it as well.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const code = error instanceof pg.DatabaseError ? error.code : undefined;
      if (code === '3D000' && !isMaintenance(url)) await createDatabase(url, deadline);
      // A password that is wrong does not become right.
      else if (code?.startsWith('28') || !isAway(error) || Date.now() > deadline) throw error;
      else await wait(250);
    }
  }
}

/** Whether it is the database that others are made from, which every server has. */
function isMaintenance(url: string): boolean {
  return new URL(url).pathname === MAINTENANCE;
}

async function createDatabase(url: string, deadline: number): Promise<void> {
  const address = new URL(url);
  const name = decodeURIComponent(address.pathname.slice(1));
  address.pathname = MAINTENANCE;
  const client = await connect(address.href, deadline);
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    // Somebody else was faster, or is at it: the one code or the other, as it happens.
    const made = error instanceof pg.DatabaseError && /^(42P04|23505)$/.test(error.code ?? '');
    if (!made) throw error;
  } finally {
    await client.end();
  }
}
