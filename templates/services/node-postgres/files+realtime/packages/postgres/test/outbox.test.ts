import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { relay } from '../src/outbox.ts';
import { startPostgres, until } from '../testing/index.ts';

const postgres = await startPostgres();
const quiet = { info: (): void => {}, warn: (): void => {} };

/** An outbox with so many events, and a place that is told of them and answers with `status`. */
async function outbox(t: TestContext, count: number) {
  const pool = new pg.Pool({ connectionString: postgres.url('postgres') });
  t.after(() => pool.end());
  await pool.query('DROP SCHEMA IF EXISTS outbox CASCADE');
  await pool.query('CREATE SCHEMA outbox');
  await pool.query(
    'CREATE TABLE outbox.events (position bigint GENERATED ALWAYS AS IDENTITY, channel text, event jsonb)',
  );
  await pool.query(
    `INSERT INTO outbox.events (channel, event)
     SELECT 'items', jsonb_build_object('id', n) FROM generate_series(1, $1::int) AS n`,
    [count],
  );
  const told: unknown[] = [];
  const realtime = { url: '', status: (): number | Promise<number> => 204 };
  const server = createServer(async (request, response) => {
    const body = await json(request);
    const status = await realtime.status();
    if (status === 204) told.push([request.url, body]);
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  realtime.url = `http://127.0.0.1:${address.port}`;
  const left = async (): Promise<number> =>
    Number(
      (await pool.query<{ count: string }>('SELECT count(*) FROM outbox.events')).rows[0]?.count,
    );
  return { pool, realtime, told, left };
}

const expected = (count: number) =>
  Array.from({ length: count }, (_, index) => [
    '/internal/channels/items/events',
    { from: 'shop', event: { id: index + 1 } },
  ]);

test('tells each event once and in order, however many relays there are', async (t) => {
  const { pool, realtime, told, left } = await outbox(t, 250);
  const end = new AbortController();
  t.after(() => end.abort());
  const relays = [1, 2, 3].map(() =>
    relay(pool, { url: realtime.url, from: 'shop' }, quiet, end.signal),
  );
  await until(async () => (await left()) === 0);
  end.abort();
  await Promise.all(relays);
  assert.deepEqual(told, expected(250));
});

test('keeps what realtime does not take, and tells it when it does', async (t) => {
  const { pool, realtime, told, left } = await outbox(t, 3);
  let refused = 0;
  realtime.status = () => (told.length === 1 && (refused += 1) === 1 ? 503 : 204);
  const end = new AbortController();
  t.after(() => end.abort());
  const relaying = relay(pool, { url: realtime.url, from: 'shop' }, quiet, end.signal);
  await until(async () => refused > 0 && (await left()) === 2);
  await until(async () => (await left()) === 0);
  end.abort();
  await relaying;
  assert.deepEqual(told, expected(3));
});

test('drops what realtime will never take, and says so', async (t) => {
  const { pool, realtime, told, left } = await outbox(t, 3);
  await pool.query("UPDATE outbox.events SET event = 'null' WHERE position = 1");
  const statuses = [422, 413];
  realtime.status = () => statuses.shift() ?? 204;
  const warned: unknown[] = [];
  const log = { ...quiet, warn: (fields: object) => warned.push(fields) };
  const end = new AbortController();
  t.after(() => end.abort());
  const relaying = relay(pool, { url: realtime.url, from: 'shop' }, log, end.signal);
  await until(async () => (await left()) === 0);
  end.abort();
  await relaying;
  assert.deepEqual(told, expected(3).slice(2));
  assert.deepEqual(warned, [
    { channel: 'items', event_id: undefined, status: 422 },
    { channel: 'items', event_id: 2, status: 413 },
  ]);
});

test('goes on where its connection is lost while realtime is told', async (t) => {
  const { pool, realtime, told, left } = await outbox(t, 1);
  const inUse = "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'";
  realtime.status = async () => {
    if (told.length === 0)
      await pool.query(`SELECT pg_terminate_backend(pid) FROM (${inUse}) AS used`);
    return 204;
  };
  const end = new AbortController();
  t.after(() => end.abort());
  const relaying = relay(pool, { url: realtime.url, from: 'shop' }, quiet, end.signal);
  await until(async () => (await left()) === 0);
  end.abort();
  await relaying;
  // It was not removed before the connection was lost, and so it is told again.
  assert.deepEqual(told, [...expected(1), ...expected(1)]);
});
