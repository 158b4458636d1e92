import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connect } from '@app/state';
import { slowConsumers } from '../src/metrics.ts';
import {
  append,
  quiet,
  redisServer,
  startRedis,
  startService,
  TestClient,
  until,
} from './harness.ts';

const { url, redis } = await startRedis();
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

test('whoever joins in the middle gets every event once and in order', async () => {
  const service = await startService(url);
  const clients: TestClient[] = [];
  const joining: Promise<unknown>[] = [];
  for (const n of numbers(500)) {
    await append(redis, 'middle', n);
    if (n % 25 !== 0) continue;
    joining.push(
      TestClient.open(service).then((client) => {
        clients.push(client);
        return client.subscribe('channels/middle', '0');
      }),
    );
  }
  await Promise.all(joining);
  for (const client of clients) {
    await client.receives('channels/middle', 500);
    assert.deepEqual(client.data('channels/middle'), numbers(500));
  }
  assert.equal(clients.length, 20);
});

test('the poll finds an event that nobody hinted at', async () => {
  const service = await startService(url, { POLL_S: '0.05' });
  const client = await TestClient.open(service);
  await client.subscribe('channels/unhinted');
  await append(redis, 'unhinted', 1, false);
  await client.receives('channels/unhinted', 1);
});

test('killed pub/sub connections lose no event and double none', async () => {
  const service = await startService(url, { POLL_S: '0.05' });
  const client = await TestClient.open(service);
  await client.subscribe('channels/killed');
  for (const n of numbers(60)) {
    if (n % 20 === 10) {
      const killed = await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
      if (n === 10) assert.equal(Number(killed), 1);
    }
    await append(redis, 'killed', n);
  }
  await client.receives('channels/killed', 60);
  assert.deepEqual(client.data('channels/killed'), numbers(60));
});

test('sockets outlive Redis and get what comes after it is back', async () => {
  const server = await redisServer();
  await server.start();
  const writer = connect(server.url, 'writer', quiet);
  after(() => writer.destroy());
  await until(() => writer.isReady, 'Redis');
  const service = await startService(server.url, { POLL_S: '0.05' });
  const client = await TestClient.open(service);
  await client.subscribe('channels/outage', '0');
  await append(writer, 'outage', 'before');
  await client.receives('channels/outage', 1);

  await server.kill();
  await until(() => !writer.isReady, 'the loss to be seen');
  assert.equal((await client.ask({ op: 'subscribe', topic: 'channels/new' })).code, 'unavailable');
  assert.equal(
    (await client.ask({ op: 'publish', topic: 'channels/outage', data: 0 })).code,
    'unavailable',
  );
  assert.equal((await fetch(`${service.url}/readyz`)).status, 200);

  await server.start();
  await until(() => writer.isReady, 'Redis');
  await append(writer, 'outage', 'after');
  await client.receives('channels/outage', 2);
  await until(
    async () => (await client.ask({ op: 'subscribe', topic: 'channels/new' })).op === 'subscribed',
    'a subscription',
  );
  assert.deepEqual(client.data('channels/outage'), ['before', 'after']);
});

test('says `gap` when Redis has lost what was told already, and goes on', async () => {
  const service = await startService(url, { POLL_S: '0.05' });
  const client = await TestClient.open(service);
  await client.subscribe('channels/lost', '0');
  await redis.xAdd('channel:lost', '9000000000000-0', { type: 'message', data: '1' });
  await client.receives('channels/lost', 1);
  await redis.del('channel:lost');
  await append(redis, 'lost', 2);
  await client.receives('channels/lost', 2);
  await append(redis, 'lost', 3);
  const events = await client.receives('channels/lost', 3);
  assert.deepEqual(
    events.map(({ type, data }) => [type, data]),
    [
      ['message', 1],
      ['gap', { after: '9000000000000-0' }],
      ['message', 3],
    ],
  );
});

test('a reader far behind is given its history at its own pace', async () => {
  const service = await startService(url, { WS_BUFFER_MAX_BYTES: '262144' });
  const text = 'x'.repeat(16_000);
  await Promise.all(numbers(1000).map((n) => append(redis, 'history', { n, text }, false)));
  const client = await TestClient.open(service);
  await client.subscribe('channels/history', '0');
  assert.equal((await client.receives('channels/history', 1000)).length, 1000);
});

test('a socket that stops reading is closed with 1013, others are not disturbed', async () => {
  const service = await startService(url, { WS_BUFFER_MAX_BYTES: '262144' });
  slowConsumers.reset();
  const [slow, quick] = await Promise.all([TestClient.open(service), TestClient.open(service)]);
  await Promise.all([slow.subscribe('channels/flood'), quick.subscribe('channels/flood')]);
  slow.ws.pause();
  const text = 'x'.repeat(16_000);
  let cut = false;
  let sent = 0;
  while (!cut) {
    await append(redis, 'flood', { n: (sent += 1), text });
    await quick.receives('channels/flood', sent);
    cut = (await slowConsumers.get()).values.length > 0;
    assert.ok(sent < 5_000, 'never cut');
  }
  await append(redis, 'flood', 'last');
  await quick.receives('channels/flood', sent + 1);
  slow.ws.resume();
  assert.deepEqual(await slow.closed, { code: 1013, reason: 'too slow' });
  assert.ok(!slow.data('channels/flood').includes('last'));
});

test('ends a socket that does not answer a ping, and keeps one that does', async () => {
  const service = await startService(url, { WS_PING_S: '0.1' });
  const [dead, alive] = await Promise.all([
    TestClient.open(service, { autoPong: false }),
    TestClient.open(service),
  ]);
  assert.equal((await dead.closed).code, 1006);
  await alive.subscribe('channels/alive');
});

test('sends sockets away with 1012 when it stops, and refuses new ones', async () => {
  const service = await startService(url);
  const clients = await Promise.all(numbers(50).map(() => TestClient.open(service)));
  const closing = service.close();
  const closes = await Promise.all(clients.map(({ closed }) => closed));
  assert.deepEqual(new Set(closes.map(({ code }) => code)), new Set([1012]));
  await closing;
  await assert.rejects(TestClient.open(service));
});

test('200 sockets move to another replica and miss and double nothing', async () => {
  const [old, next] = await Promise.all([startService(url), startService(url)]);
  const clients = await Promise.all(
    numbers(200).map(async () => {
      const client = await TestClient.open(old);
      const { after } = await client.subscribe('channels/move');
      return { client, after: after ?? '' };
    }),
  );
  let writing = true;
  const written: number[] = [];
  const writer = (async () => {
    while (writing) {
      written.push(written.length);
      await append(redis, 'move', written.length - 1);
    }
  })();
  const moved = clients.map(async ({ client, after }) => {
    await client.closed;
    const again = await TestClient.open(next);
    await again.subscribe('channels/move', client.events('channels/move').at(-1)?.id ?? after);
    return { client, again };
  });
  await old.close();
  const pairs = await Promise.all(moved);
  writing = false;
  await writer;
  for (const { client, again } of pairs) {
    await again.receives('channels/move', written.length - client.events('channels/move').length);
    assert.deepEqual([...client.data('channels/move'), ...again.data('channels/move')], written);
  }
});
