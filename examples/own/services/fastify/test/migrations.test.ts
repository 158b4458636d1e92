import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateDown, migrateUp } from '@app/postgres/migrations';
import { getTableColumns } from 'drizzle-orm';
import pg from 'pg';
import { items } from '../src/database/schema.ts';
import { migrationsOf, startPostgres } from './support.ts';

const postgres = await startPostgres();

test('migrations go up, down and up again where there are rows', async () => {
  const migrations = migrationsOf(postgres.url());
  const names = await migrateUp(migrations);
  const client = new pg.Client({ connectionString: migrations.url });
  await client.connect();
  await client.query("INSERT INTO items (owner, name, attributes) VALUES ('ann', 'Chair', '{}')");
  for (const name of names.toReversed()) assert.deepEqual(await migrateDown(migrations), [name]);
  assert.deepEqual(await migrateDown(migrations), []);
  assert.deepEqual(await migrateUp(migrations), names);

  const columns = `SELECT column_name AS name, is_nullable = 'NO' AS "notNull"
    FROM information_schema.columns WHERE table_name = 'items' ORDER BY name`;
  const { rows } = await client.query(columns);
  await client.end();
  const known = Object.values(getTableColumns(items)).map(({ name, notNull }) => ({
    name,
    notNull,
  }));
  assert.deepEqual(
    rows,
    known.toSorted((first, second) => (first.name < second.name ? -1 : 1)),
  );
});
