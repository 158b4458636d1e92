import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { eraseOwned, exportOwned } from '../src/person.ts';
import { startPostgres } from '../testing/index.ts';

const postgres = await startPostgres();

const nothing = { 'My Notes': [], albums: [], items: [], photos: [] };

async function connected(t: TestContext): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url('postgres') });
  await client.connect();
  t.after(() => client.end());
  return client;
}

test('what is of a person in any table is shown, and erased with nothing else', async (t) => {
  const client = await connected(t);
  await client.query(`
    CREATE TABLE items (owner text, name text);
    CREATE TABLE "My Notes" (owner text);
    CREATE TABLE others (name text);
    CREATE TABLE albums (id integer PRIMARY KEY, owner text);
    CREATE TABLE photos (album integer REFERENCES albums, owner text);
    INSERT INTO albums VALUES (1, 'user:alice');
    INSERT INTO photos VALUES (1, 'user:alice');
    INSERT INTO items VALUES ('user:alice', 'a'), ('user:alice', 'b'), ('user:bob', 'c');
    INSERT INTO "My Notes" VALUES ('user:alice');
    INSERT INTO others VALUES ('user:alice')`);
  assert.deepEqual(await exportOwned(client, 'user:bob'), {
    ...nothing,
    items: [{ owner: 'user:bob', name: 'c' }],
  });
  const erased = { 'My Notes': 1, albums: 1, items: 2, photos: 1 };
  assert.deepEqual(await eraseOwned(client, 'user:alice'), erased);
  assert.deepEqual(await exportOwned(client, 'user:alice'), nothing);
  assert.equal((await client.query('SELECT * FROM items')).rowCount, 1);
});

test('where a row cannot be erased, all are there still', async (t) => {
  const client = await connected(t);
  await client.query(`
    CREATE TABLE first (owner text);
    CREATE TABLE second (owner text UNIQUE);
    CREATE TABLE third (of text REFERENCES second (owner));
    INSERT INTO first VALUES ('user:carol');
    INSERT INTO second VALUES ('user:carol');
    INSERT INTO third VALUES ('user:carol')`);
  const owned = {
    ...nothing,
    first: [{ owner: 'user:carol' }],
    items: [],
    second: [{ owner: 'user:carol' }],
  };
  await assert.rejects(eraseOwned(client, 'user:carol'), /foreign key/);
  assert.deepEqual(await exportOwned(await connected(t), 'user:carol'), owned);
});
