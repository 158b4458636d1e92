import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { migrateUp } from '@app/postgres/migrations';
import { columnsOf, startPostgres } from '@app/postgres/testing';
import { migrationsOf } from './support.ts';

const postgres = await startPostgres();
const folder = join(import.meta.dirname, '../src/database');
const schema = readFileSync(join(folder, 'schema.prisma'), 'utf8');

test('the schema names the columns that migrations make', async () => {
  const migrations = migrationsOf(postgres.url());
  await migrateUp(migrations);
  const fields = schema.matchAll(/^ +(\w+) +\w+(\??)(?: .*?@map\("(\w+)"\))?/gm);
  const known = [...fields].map(([, name, optional, column]) => `${column ?? name}${optional}`);
  assert.deepEqual(known.toSorted(), await columnsOf('items', migrations.url));
});

test('the client is generated from the schema: see the README', () => {
  const generated = readFileSync(join(folder, 'generated/internal/class.ts'), 'utf8');
  assert.ok(generated.includes(JSON.stringify(schema)));
});
