import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRedis, startService, TestClient, until } from './harness.ts';

const { url, redis } = await startRedis();
const keys = { ann: 'k1', bob: 'k2' };
const short = { PRESENCE_TTL_S: '0.6', PRESENCE_INTERVAL_S: '0.05' };
const [one, two] = await Promise.all([
  startService(url, short, keys),
  startService(url, short, keys),
]);

interface Member {
  id: string;
  caller: string | null;
}

interface Present {
  count: number;
  members?: Member[];
  joined?: Member[];
  left?: string[];
}

const key = (name: string) => ({ headers: { authorization: `Bearer ${name}` } });
const told = (client: TestClient, topic: string): Present[] =>
  client.presence(topic).map(({ data }) => data as Present);
const counts = (client: TestClient, topic: string, count: number) =>
  until(() => told(client, topic).at(-1)?.count === count, `${count} present`);

/** Who is listed, after all that a client was told. */
function listed(client: TestClient, topic: string): Member[] {
  return told(client, topic).reduce<Member[]>(
    (before, { members, joined = [], left = [] }) =>
      members ?? [...before.filter(({ id }) => !left.includes(id)), ...joined],
    [],
  );
}

test('tells everybody who is subscribed, over all replicas, until they leave', async () => {
  const [ann, bob] = await Promise.all([
    TestClient.open(one, key('k1')),
    TestClient.open(two, key('k2')),
  ]);
  const { member: annId } = await ann.subscribe('channels/room');
  const { member: bobId } = await bob.subscribe('channels/room');
  await Promise.all([counts(ann, 'channels/room', 2), counts(bob, 'channels/room', 2)]);
  assert.deepEqual(
    new Set(listed(ann, 'channels/room').map(({ id, caller }) => `${id} ${caller}`)),
    new Set([`${annId} ann`, `${bobId} bob`]),
  );
  assert.equal(ann.presence('channels/room').at(-1)?.id, null);

  bob.ws.close();
  await counts(ann, 'channels/room', 1);
  assert.deepEqual(listed(ann, 'channels/room'), [{ id: annId, caller: 'ann' }]);
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
  assert.equal(told(ann, 'channels/stay').at(-1)?.count, 2);
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

test('who is there is told while Redis has no memory left', async () => {
  await redis.configSet('maxmemory', '1');
  try {
    const ann = await TestClient.open(one, key('k1'));
    await ann.subscribe('channels/tight');
    await counts(ann, 'channels/tight', 1);
  } finally {
    await redis.configSet('maxmemory', '0');
  }
});

test('gives the list once, and from then on what changes in it', async () => {
  const [ann, bob] = await Promise.all([
    TestClient.open(one, key('k1')),
    TestClient.open(one, key('k2')),
  ]);
  const { member: annId } = await ann.subscribe('channels/diff');
  await counts(ann, 'channels/diff', 1);
  const { member: bobId } = await bob.subscribe('channels/diff');
  await Promise.all([counts(ann, 'channels/diff', 2), counts(bob, 'channels/diff', 2)]);
  await bob.ask({ op: 'unsubscribe', topic: 'channels/diff' });
  await counts(ann, 'channels/diff', 1);
  const [first, second] = [
    { id: annId, caller: 'ann' },
    { id: bobId, caller: 'bob' },
  ];
  assert.deepEqual(told(ann, 'channels/diff'), [
    { count: 1, members: [first] },
    { count: 2, joined: [second], left: [] },
    { count: 1, joined: [], left: [bobId] },
  ]);
  assert.deepEqual(told(bob, 'channels/diff'), [{ count: 2, members: [first, second] }]);
});

test('a few are listed, all are counted, and who is next moves up', async () => {
  const few = await startService(url, { ...short, PRESENCE_LISTED: '2' });
  const clients = [];
  const ids = [];
  for (const n of [1, 2, 3, 4]) {
    const client = await TestClient.open(few);
    ids.push((await client.subscribe('channels/few')).member ?? '');
    await counts(client, 'channels/few', n);
    clients.push(client);
  }
  const [first, , , last] = clients;
  assert.ok(first && last);
  await counts(first, 'channels/few', 4);
  const members = (client: TestClient) => listed(client, 'channels/few').map(({ id }) => id);
  assert.deepEqual(members(first), ids.slice(0, 2));
  first.ws.close();
  await counts(last, 'channels/few', 3);
  assert.deepEqual(members(last), ids.slice(1, 3));
});

test('who comes and goes costs the same, however many are there', async () => {
  const topic = 'channels/crowd';
  const service = await startService(url);
  const crowd = await Promise.all(Array.from({ length: 300 }, () => TestClient.open(service)));
  await Promise.all(crowd.map((client) => client.subscribe(topic)));
  // Half of them leave and come again.
  for (const client of crowd.slice(150)) {
    await client.ask({ op: 'unsubscribe', topic });
    await client.subscribe(topic);
  }
  await Promise.all(crowd.map((client) => counts(client, topic, 300)));
  const bytes = (direction: 'sent' | 'received') =>
    crowd.reduce((sum, client) => sum + client.bytes[direction], 0);
  const perEvent = crowd.flatMap((client) =>
    client.presence(topic).map((event) => JSON.stringify(event).length),
  );
  const lists = crowd.flatMap((client) => told(client, topic).filter(({ members }) => members));
  // A member takes about 70 bytes, and so does its end: twenty of each are the most.
  assert.ok(Math.max(...perEvent) < 3_000, `${Math.max(...perEvent)} bytes in an event`);
  assert.ok(lists.length <= 450, `${lists.length} lists for 450 subscriptions`);
  const times = bytes('received') / bytes('sent');
  assert.ok(times < 100, `${times} bytes told for each byte that was sent`);
});
