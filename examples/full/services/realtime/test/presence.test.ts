import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callers, hashKey } from '@app/callers';
import { startRedis, startService, TestClient, until } from './harness.ts';

const { url, redis } = await startRedis();
const callers = new Callers(
  new Map([
    [hashKey('k1'), 'ann'],
    [hashKey('k2'), 'bob'],
  ]),
);
const short = { PRESENCE_TTL_S: '0.6' };
const [one, two] = await Promise.all([
  startService(url, short, callers),
  startService(url, short, callers),
]);

interface Present {
  count: number;
  members: { id: string; caller: string | null }[];
}

const key = (name: string) => ({ headers: { authorization: `Bearer ${name}` } });
const last = (client: TestClient, topic: string): Present | undefined =>
  client.presence(topic).at(-1)?.data as Present | undefined;
const counts = (client: TestClient, topic: string, count: number) =>
  until(() => last(client, topic)?.count === count, `${count} present`);

test('tells everybody who is subscribed, over all replicas, until they leave', async () => {
  const [ann, bob] = await Promise.all([
    TestClient.open(one, key('k1')),
    TestClient.open(two, key('k2')),
  ]);
  const { member: annId } = await ann.subscribe('channels/room');
  const { member: bobId } = await bob.subscribe('channels/room');
  await Promise.all([counts(ann, 'channels/room', 2), counts(bob, 'channels/room', 2)]);
  assert.deepEqual(
    new Set(last(ann, 'channels/room')?.members.map(({ id, caller }) => `${id} ${caller}`)),
    new Set([`${annId} ann`, `${bobId} bob`]),
  );
  assert.equal(ann.presence('channels/room').at(-1)?.id, null);

  bob.ws.close();
  await counts(ann, 'channels/room', 1);
});

test('members stay present for longer than they would live without a beat', async () => {
  const [ann, bob] = await Promise.all([
    TestClient.open(one, key('k1')),
    TestClient.open(two, key('k2')),
  ]);
  await Promise.all([ann.subscribe('channels/stay'), bob.subscribe('channels/stay')]);
  await counts(ann, 'channels/stay', 2);
  const firsts = await redis.zRangeWithScores('channel:stay:presence', 0, -1);
  await until(async () => {
    const scores = await redis.zRangeWithScores('channel:stay:presence', 0, -1);
    assert.equal(scores.length, 2);
    return scores.every(({ score }) => firsts.every((first) => score > first.score + 600));
  }, 'beats');
  assert.equal(last(ann, 'channels/stay')?.count, 2);
});

test('members of a replica that crashed are forgotten', async () => {
  const ann = await TestClient.open(one, key('k1'));
  await ann.subscribe('channels/crash');
  await counts(ann, 'channels/crash', 1);
  await redis.zAdd('channel:crash:presence', { score: Date.now() + 400, value: '["gone",null]' });
  await redis.publish('hint:presence/channels/crash', '');
  await counts(ann, 'channels/crash', 2);
  await counts(ann, 'channels/crash', 1);
});

test('presence has returned after Redis lost it', async () => {
  const ann = await TestClient.open(one, key('k1'));
  await ann.subscribe('channels/flushed');
  await counts(ann, 'channels/flushed', 1);
  await redis.del('channel:flushed:presence');
  await until(async () => (await redis.zCard('channel:flushed:presence')) === 1, 'the beat');
});
