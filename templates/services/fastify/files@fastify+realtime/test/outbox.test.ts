import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPostgres } from '@app/postgres/testing';
import pg from 'pg';
import { service } from './support.ts';

const postgres = await startPostgres();

test('each change has one event, and what is refused has none', async (t) => {
  const url = postgres.url();
  // Nobody takes events there, so that they stay.
  const app = await service(t, url, { REALTIME_URL: 'http://127.0.0.1:1' });
  const path = '/v1/orders/items';
  const payload = { name: 'one' };
  const created = await app.inject({ method: 'POST', url: path, payload });
  assert.equal(created.statusCode, 201);
  assert.equal((await app.inject({ method: 'POST', url: path, payload })).statusCode, 409);
  const { id } = created.json();
  const headers = { 'if-match': '"1"' };
  const replace = { method: 'PUT', url: `${path}/${id}`, headers, payload } as const;
  assert.equal((await app.inject(replace)).statusCode, 200);
  assert.equal((await app.inject(replace)).statusCode, 412);
  assert.equal((await app.inject({ method: 'DELETE', url: `${path}/${id}` })).statusCode, 204);

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  const { rows } = await client.query('SELECT channel, event FROM outbox.events ORDER BY position');
  assert.deepEqual(
    rows.map(({ channel, event }) => [channel, event.type, event.item, event.version]),
    [
      ['items', 'created', id, 1],
      ['items', 'replaced', id, 2],
      ['items', 'removed', id, 2],
    ],
  );
  assert.equal(new Set(rows.map(({ event }) => event.id)).size, 3);
});
