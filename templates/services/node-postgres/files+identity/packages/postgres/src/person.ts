/**
 * `node ../../packages/postgres/src/person.ts export|erase OWNER`: what the tables of a service keep
 * of a person, or none of it any more. It is what stands in rows whose `owner` the person is.
 */
import { orExit, readEnvironment } from '@app/http/settings';
import pg from 'pg';
import { z } from 'zod';
import { databaseSettings } from './settings.ts';

const FOREIGN_KEY = '23503';
const TABLES = `
SELECT table_name AS name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'owner'
ORDER BY table_name`;

/** All rows of an owner, by table. */
export async function exportOwned(client: pg.ClientBase, owner: string): Promise<object> {
  const rows: Record<string, unknown[]> = {};
  for (const table of await tables(client)) {
    const text = `SELECT * FROM ${client.escapeIdentifier(table)} WHERE owner = $1`;
    rows[table] = (await client.query(text, [owner])).rows;
  }
  return rows;
}

/** Removes all rows of an owner, or none; how many there were, by table. */
export async function eraseOwned(client: pg.ClientBase, owner: string): Promise<object> {
  const counts: Record<string, number> = {};
  await client.query('BEGIN');
  let left = await tables(client);
  while (left.length > 0) {
    const referred: string[] = [];
    let cause: unknown;
    for (const table of left) {
      const text = `DELETE FROM ${client.escapeIdentifier(table)} WHERE owner = $1`;
      await client.query('SAVEPOINT one');
      try {
        counts[table] = (await client.query(text, [owner])).rowCount ?? 0;
      } catch (error) {
        if (!(error instanceof pg.DatabaseError && error.code === FOREIGN_KEY)) throw error;
        await client.query('ROLLBACK TO one');
        referred.push(table);
        cause = error;
      }
    }
    // What refers to it goes first. Where nothing went, it is not the person's.
    if (referred.length === left.length) throw cause;
    left = referred;
  }
  await client.query('COMMIT');
  return counts;
}

async function tables(client: pg.ClientBase): Promise<string[]> {
  return (await client.query<{ name: string }>(TABLES)).rows.map(({ name }) => name);
}

async function main(): Promise<void> {
  const [action, owner, ...rest] = process.argv.slice(2);
  if ((action !== 'export' && action !== 'erase') || !owner || rest.length > 0) {
    console.error('usage: node ../../packages/postgres/src/person.ts export|erase OWNER');
    process.exit(1);
  }
  const settings = z.object({ DATABASE_URL: databaseSettings.DATABASE_URL });
  const { DATABASE_URL } = orExit(() => readEnvironment(settings, process.env));
  const client = new pg.Client({ connectionString: DATABASE_URL });
  try {
    await client.connect();
    const work = action === 'export' ? exportOwned : eraseOwned;
    console.log(JSON.stringify(await work(client, owner)));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    await client.end();
  }
}

if (import.meta.main) await main();
