import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownChannel } from '@app/sessions/channels';
import { State } from '@app/state';
import { personal } from '../src/personal/channels.ts';
import { startRedis } from './harness.ts';

const { redis } = await startRedis();
const state = new State(redis);
const bounds = { channel_bytes: 1e6, caller_bytes: 1e6, all_bytes: 1e7 };

async function publish(channel: string, caller: string, said: string): Promise<string> {
  const topic = `channels/${channel}`;
  const args = { channel, caller, topic, ttl_s: 60, maxlen: 100, ...bounds };
  const reply = await state.run('publish', args, JSON.stringify({ said }));
  return (reply as { id: string }).id;
}

test('what a person has said is shown, and erased with nothing that others have said', async () => {
  const first = await publish('room', 'user:bob', 'b1');
  const own = await publish('room', 'user:alice', 'a1');
  const second = await publish('room', 'user:bob', 'b2');
  const last = await publish('room', 'user:alice', 'a2');
  await publish('alone', 'user:alice', 'a3');
  const messages = [
    { channel: 'alone', data: { said: 'a3' } },
    { channel: 'room', id: own, data: { said: 'a1' } },
    { channel: 'room', id: last, data: { said: 'a2' } },
  ];
  assert.partialDeepStrictEqual(await personal.export(state, 'user:alice'), messages);

  assert.equal(await personal.erase(state, 'user:alice'), 3);
  assert.deepEqual(await personal.export(state, 'user:alice'), []);
  const left = await redis.xRange('channel:room', '-', '+');
  assert.deepEqual(
    left?.map(({ id }) => id),
    [first, second],
  );
  assert.ok((await redis.pTTL('channel:room')) > 50_000);
  // Readers go on from where they were.
  assert.ok((await publish('room', 'user:bob', 'b3')) > last);
  for (const key of await redis.keys('*')) {
    assert.doesNotMatch(String(await redis.sendCommand(['DUMP', key])), /alice/, key);
  }
});

test('what stands in a channel of their own is of the person, whoever has said it', async () => {
  await redis.flushAll();
  await publish(ownChannel('auth0|a'), 'service:bills', 'your bill');
  await publish(ownChannel('auth0|ab'), 'service:bills', "somebody else's");
  const messages = [{ channel: 'own.auth0_7ca', data: { said: 'your bill' } }];
  assert.partialDeepStrictEqual(await personal.export(state, 'user:auth0|a'), messages);
  assert.equal(await personal.erase(state, 'user:auth0|a'), 1);
  assert.deepEqual((await redis.keys('channel:*')).toSorted(), [
    'channel:own.auth0_7cab',
    'channel:own.auth0_7cab:bytes',
  ]);
  assert.deepEqual(await redis.zRange('channels', 0, -1), ['own.auth0_7cab']);
});

test('subjects of any length and with any characters have a channel of their own', () => {
  const subs = ['a', 'a.b', 'a_2eb', 'A', 'ä', '', 'x'.repeat(300), `${'x'.repeat(299)}y`];
  const names = subs.map(ownChannel);
  assert.equal(new Set(names).size, subs.length);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_.-]{1,128}$/);
});

test('who has said nothing any more takes up nothing', async () => {
  await redis.flushAll();
  await publish('room', 'user:alice', 'a');
  await personal.erase(state, 'user:alice');
  assert.deepEqual(await redis.hGetAll('channels:bytes'), {});
});
