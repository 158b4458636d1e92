import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Client } from '@app/client';
import { freePort } from '@app/http/testing';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { append, defaults, startRedis, startService, until } from './harness.ts';

const { url, redis } = await startRedis();

function connect(address: string, options = {}): Client {
  const client = new Client(`${address.replace('http', 'ws')}/v1/ws`, options);
  after(() => client.close());
  return client;
}

test('the browser client publishes and is told', async () => {
  const service = await startService(url, {}, { ann: 'secret' });
  const states: string[] = [];
  const client = connect(service.url, {
    key: 'secret',
    onState: (state: string) => states.push(state),
  });
  const seen: unknown[] = [];
  client.subscribe('channels/page', ({ type, data }) => type === 'message' && seen.push(data));
  await until(() => states.includes('open'), 'the socket');
  await client.publish('channels/page', { text: 'hello' });
  await until(() => seen.length === 1, 'the event');
  assert.deepEqual(seen, [{ text: 'hello' }]);
});

test('the browser client says why a topic is refused', async () => {
  const service = await startService(url);
  const client = connect(service.url);
  const refused = new Promise<Error>((resolve) =>
    client.subscribe('nothing/x', () => {}, { onError: resolve }),
  );
  assert.match((await refused).message, /no topic `nothing\/x`/);
});

test('the browser client comes back after a restart and has missed and doubled nothing', async () => {
  const config = readConfig({ ...defaults, REDIS_URL: url });
  const port = await freePort();
  const first = await buildApp(config);
  const second = await buildApp(config);
  after(() => second.close());
  await first.listen({ host: '127.0.0.1', port });
  const states: string[] = [];
  const client = connect(`http://127.0.0.1:${port}`, {
    onState: (state: string) => states.push(state),
  });
  const seen: unknown[] = [];
  const quietly: unknown[] = [];
  client.subscribe('channels/restart', ({ type, data }) => type === 'message' && seen.push(data));
  client.subscribe('channels/silent', ({ type, data }) => type === 'message' && quietly.push(data));
  client.subscribe('channels/both', () => {});
  await until(async () => {
    await append(redis, 'restart', seen.length);
    return seen.length > 2;
  }, 'events');
  const before = seen.length;
  await first.close();
  await append(redis, 'restart', 'while away');
  await append(redis, 'silent', 'while away');

  await second.listen({ host: '127.0.0.1', port });
  await until(
    () => seen.includes('while away') && quietly.includes('while away'),
    'what was missed',
  );
  const stored = await redis.xRange('channel:restart', '-', '+');
  assert.ok(before > 2);
  const all = (stored ?? []).map(({ message }) => JSON.parse(message['data'] ?? ''));
  assert.deepEqual(seen, all.slice(all.length - seen.length));
  assert.deepEqual(quietly, ['while away']);
  assert.deepEqual(states.slice(0, 3), ['open', 'closed', 'open']);
});

test('the browser client always knows who is listed', async () => {
  const service = await startService(url, { PRESENCE_INTERVAL_S: '0.05' });
  const [first, second] = [connect(service.url), connect(service.url)];
  const seen: { count: number; members: string[] }[] = [];
  first.subscribe('channels/who', ({ type, data }) => {
    if (type !== 'presence') return;
    const { count, members } = data as { count: number; members: { id: string }[] };
    seen.push({ count, members: members.map(({ id }) => id) });
  });
  const is = (count: number) => () => seen.at(-1)?.count === count;
  await until(is(1), 'the first');
  const leave = second.subscribe('channels/who', () => {});
  await until(is(2), 'the second');
  leave();
  await until(is(1), 'the first alone');
  const [alone = { members: [] }, both = { members: [] }, again] = seen;
  assert.equal(both.members.length, 2);
  assert.deepEqual(both.members.slice(0, 1), alone.members);
  assert.deepEqual(again, alone);
});

test('the browser client that is told to wait subscribes and unsubscribes in the end', async () => {
  const service = await startService(url, {
    SUBSCRIBE_PER_SECOND: '20',
    WS_SUBSCRIPTIONS_MAX: '2',
  });
  const client = connect(service.url);
  const topics = ['a', 'b', 'c', 'd', 'e'].map((name) => `channels/waits-${name}`);
  await until(
    () =>
      client.publish('channels/waits-a', 0).then(
        () => true,
        () => false,
      ),
    'a socket',
  );
  for (const topic of topics) client.subscribe(topic, () => {})();
  const seen: unknown[] = [];
  client.subscribe('channels/waits-z', ({ type, data }) => type === 'message' && seen.push(data));
  await until(async () => {
    await append(redis, 'waits-z', seen.length);
    return seen.length > 0;
  }, 'an event');
  await until(
    async () =>
      (
        await Promise.all(topics.map((topic) => redis.zCard(`channel:${topic.slice(9)}:presence`)))
      ).every((count) => count === 0),
    'nobody in the topics that were left',
  );
});
