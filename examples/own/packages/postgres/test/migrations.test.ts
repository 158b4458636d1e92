import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { migrateDown, migrateUp, type Migrations } from '../src/migrations.ts';
import { startPostgres } from '../testing/index.ts';

const postgres = await startPostgres();

const FIRST = {
  '1_first.sql': 'CREATE TABLE first (a integer); INSERT INTO first VALUES (1);',
  '1_first.down.sql': 'DROP TABLE first;',
};

/** Migrations of a database that is not there yet. */
function migrations(t: TestContext, files: Record<string, string>): Migrations {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { url: postgres.url(), folder, lockTimeoutMs: 100, patienceMs: 0 };
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('makes the database, and does each migration once, in the order of their names', async (t) => {
  const files = { ...FIRST, '2_second.sql': 'ALTER TABLE first ADD COLUMN b integer' };
  const given = migrations(t, files);
  assert.deepEqual(await migrateUp(given), ['1_first', '2_second']);
  assert.deepEqual(await migrateUp(given), []);
  assert.deepEqual(await query(given.url, 'SELECT * FROM first'), [{ a: 1, b: null }]);
});

test('of two at once the second finds nothing to do', async (t) => {
  const given = migrations(t, { '1_slow.sql': 'SELECT pg_sleep(0.2); CREATE TABLE slow ()' });
  const done = await Promise.all([migrateUp(given), migrateUp(given), migrateUp(given)]);
  assert.deepEqual(done.flat(), ['1_slow']);
});

test('one that fails leaves what was before it, and is told', async (t) => {
  const given = migrations(t, {
    ...FIRST,
    '2_second.sql': 'DELETE FROM first; SELECT nonsense',
    '3_third.sql': 'CREATE TABLE third ()',
  });
  const reason = { message: '2_second.sql: column "nonsense" does not exist' };
  await assert.rejects(migrateUp(given), reason);
  assert.deepEqual(await query(given.url, 'SELECT * FROM first'), [{ a: 1 }]);
  assert.deepEqual(await migrateDown(given), ['1_first']);
});

test('one that waits for a lock for too long fails', async (t) => {
  const given = migrations(t, FIRST);
  await migrateUp(given);
  const holder = new pg.Client({ connectionString: given.url });
  await holder.connect();
  await holder.query('BEGIN; SELECT * FROM first');
  await assert.rejects(migrateDown(given), /1_first.down.sql: canceling .* lock timeout/);
  await holder.end();
  assert.deepEqual(await migrateDown(given), ['1_first']);
});

test('waits for a server that is not there yet, and not for ever', async (t) => {
  const given = migrations(t, FIRST);
  await postgres.kill();
  await assert.rejects(migrateUp(given), { code: 'ECONNREFUSED' });
  const waiting = migrateUp({ ...given, patienceMs: 60_000 });
  await postgres.start();
  assert.deepEqual(await waiting, ['1_first']);
});

test('a server without a database to begin from is no endless search', async (t) => {
  const given = migrations(t, FIRST);
  await query(postgres.url('template1'), 'DROP DATABASE postgres');
  t.after(() => query(postgres.url('template1'), 'CREATE DATABASE postgres'));
  await assert.rejects(migrateUp(given), { code: '3D000' });
});
