import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateDown, migrateUp } from '@app/postgres/migrations';
import { startPostgres } from '@app/postgres/testing';
import pg from 'pg';
import { migrationsOf } from './support.ts';

const postgres = await startPostgres();

test('migrations go up, down and up again where there are rows', async () => {
  const migrations = migrationsOf(postgres.url());
  const names = await migrateUp(migrations);
  const client = new pg.Client({ connectionString: migrations.url });
  await client.connect();
  await client.query("INSERT INTO items (owner, name, attributes) VALUES ('ann', 'Chair', '{}')");
  await client.end();
  for (const name of names.toReversed()) assert.deepEqual(await migrateDown(migrations), [name]);
  assert.deepEqual(await migrateDown(migrations), []);
  assert.deepEqual(await migrateUp(migrations), names);
});
