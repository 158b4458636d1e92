import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrateUp } from '@app/postgres/migrations';
import { columnsOf, startPostgres } from '@app/postgres/testing';
import { getTableColumns } from 'drizzle-orm';
import { items } from '../src/database/schema.ts';
import { migrationsOf } from './support.ts';

const postgres = await startPostgres();

test('the schema names the columns that migrations make', async () => {
  const migrations = migrationsOf(postgres.url());
  await migrateUp(migrations);
  const columns = Object.values(getTableColumns(items));
  const known = columns.map(({ name, notNull }) => `${name}${notNull ? '' : '?'}`);
  assert.deepEqual(known.toSorted(), await columnsOf('items', migrations.url));
});
