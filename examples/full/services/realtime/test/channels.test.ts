import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { RedisClient } from '@app/state';
import { append, startRedis, startService, TestClient, type Message } from './harness.ts';

const { url, redis } = await startRedis();
const keys = { ann: 'ann', bob: 'bob' };
const often = { PUBLISH_PER_SECOND: '10000' };

/** Sockets of ann and bob, on a Redis that holds nothing yet. */
async function open(
  t: TestContext,
  environment: Record<string, string>,
): Promise<{ ann: TestClient; bob: TestClient }> {
  await redis.flushAll();
  const service = await startService(url, { ...often, ...environment }, keys);
  t.after(() => service.close());
  const [ann, bob] = await Promise.all(
    ['ann', 'bob'].map((name) =>
      TestClient.open(service, { headers: { authorization: `Bearer ${name}` } }),
    ),
  );
  assert.ok(ann && bob);
  return { ann, bob };
}

const publish = (client: TestClient, topic: string, data: unknown): Promise<Message> =>
  client.ask({ op: 'publish', topic: `channels/${topic}`, data });

async function usedMemory(client: RedisClient): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
}

/** Publishes to ever new channels until it is refused; how often it was not. */
async function fill(client: TestClient, data: unknown): Promise<number> {
  for (let n = 0; n < 10_000; n += 1) {
    const answer = await publish(client, `fill-${n}`, data);
    if (answer.op === 'published') continue;
    assert.equal(answer.code, 'quota-exceeded');
    return n;
  }
  assert.fail('never refused');
}

for (const [what, data] of [
  ['large', 'x'.repeat(10_000)],
  ['tiny', 1],
] as const) {
  test(`one caller fills its own share with ${what} events, in however many channels`, async (t) => {
    const share = 1_048_576;
    const { ann, bob } = await open(t, { CHANNELS_CALLER_MAX_BYTES: String(share) });
    const before = await usedMemory(redis);
    const published = await fill(ann, data);
    assert.ok(published > 10, `${published}`);
    const grown = (await usedMemory(redis)) - before;
    assert.ok(grown < share * 1.25, `${grown} bytes for a share of ${share}`);
    assert.equal((await publish(ann, 'more', data)).code, 'quota-exceeded');
    assert.equal((await publish(bob, 'more', data)).op, 'published');
  });
}

test('all callers together have a bound, too', async (t) => {
  const { ann, bob } = await open(t, { CHANNELS_MAX_BYTES: '32768' });
  assert.equal((await publish(ann, 'a', 'x'.repeat(16_000))).op, 'published');
  const { code, detail } = await publish(bob, 'b', 'x'.repeat(16_000));
  assert.equal(code, 'channels-full');
  assert.match(detail ?? '', /^Events of all callers take up at most 32768 bytes\./);
  assert.equal((await publish(bob, 'b', 'x')).op, 'published');
});

test('in a channel the oldest events make room, and whose they were gets it back', async (t) => {
  const { ann, bob } = await open(t, {
    CHANNEL_MAX_BYTES: '65536',
    CHANNELS_CALLER_MAX_BYTES: '131072',
  });
  const text = 'x'.repeat(10_000);
  for (let n = 0; n < 5; n += 1) await publish(ann, 'full', { n, text });
  // More than a share of bob's, one after the other.
  for (let n = 5; n < 55; n += 1)
    assert.equal((await publish(bob, 'full', { n, text })).op, 'published');
  const kept = (await redis.xRange('channel:full', '-', '+')) ?? [];
  const numbers = kept.map(({ message }) => JSON.parse(message['data'] ?? '').n);
  assert.deepEqual(numbers, [50, 51, 52, 53, 54].slice(-kept.length));
  assert.ok(kept.length >= 4);
  const { '': all, ...owners } = await redis.hGetAll('channels:bytes');
  assert.deepEqual(Object.keys(owners).toSorted(), ['ann', 'bob']);
  // Ann has opened the channel, and nothing of hers is left in it.
  assert.ok(Number(owners['ann']) < 10_000 && Number(owners['bob']) > 40_000);
  assert.equal(Number(all), Number(owners['ann']) + Number(owners['bob']));
  assert.deepEqual(await redis.hGetAll('channel:full:bytes'), { '': all, ...owners });
});

test('a large event takes the place of many small ones', async (t) => {
  const { ann } = await open(t, { CHANNEL_MAX_BYTES: '16384' });
  for (let n = 0; n < 105; n += 1) await publish(ann, 'mixed', n);
  assert.ok((await redis.xLen('channel:mixed')) > 100);
  await publish(ann, 'mixed', 'x'.repeat(11_000));
  assert.ok((await redis.xLen('channel:mixed')) < 5);
});

test('a channel keeps so many events and no more, also those of others than this script', async (t) => {
  const { ann } = await open(t, { CHANNEL_MAXLEN: '3' });
  for (let n = 0; n < 10; n += 1) await append(redis, 'counted', n);
  await publish(ann, 'counted', 10);
  const kept = (await redis.xRange('channel:counted', '-', '+')) ?? [];
  assert.deepEqual(
    kept.map(({ message }) => message['data']),
    ['8', '9', '10'],
  );
});

test('what a channel has taken up is given back when it is over', async (t) => {
  const { ann, bob } = await open(t, { CHANNELS_CALLER_MAX_BYTES: '16384' });
  assert.equal((await publish(ann, 'over', 'x'.repeat(8_000))).op, 'published');
  assert.equal((await publish(ann, 'other', 1)).code, 'quota-exceeded');
  // As its time would: the stream ends by itself, the rest is found by whoever publishes next.
  await redis.del('channel:over');
  await redis.zAdd('channels', { value: 'over', score: 1 });
  assert.equal((await publish(bob, 'bobs', 1)).op, 'published');
  assert.equal((await publish(ann, 'other', 1)).op, 'published');
  const names = await redis.keys('channel*');
  assert.deepEqual(
    names.filter((name) => name.includes('over')),
    [],
  );
  assert.deepEqual(Object.keys(await redis.hGetAll('channels:bytes')).toSorted(), [
    '',
    'ann',
    'bob',
  ]);
});

test('a channel that Redis has ended begins anew', async (t) => {
  const { ann } = await open(t, {});
  await publish(ann, 'anew', 'x'.repeat(1_000));
  await redis.del('channel:anew');
  await publish(ann, 'anew', 1);
  assert.equal(
    await redis.hGet('channels:bytes', ''),
    await redis.hGet('channel:anew:bytes', 'ann'),
  );
  const bytes = Number(await redis.hGet('channels:bytes', 'ann'));
  assert.ok(bytes > 5_000 && bytes < 6_000, `${bytes}`);
});
