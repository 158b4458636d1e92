import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, State } from '@app/state';
import { TestRedis } from '@app/state/testing';
import { personal } from '../src/personal/jobs.ts';

const limits = { result_s: 60, events_s: 30, dead_s: 600, events_maxlen: 1_000 };

test('predictions of a person are shown and erased, those that run once they have ended', async (t) => {
  const server = await TestRedis.start();
  const redis = connect(server.url, 'test', { info() {}, warn() {} });
  t.after(async () => {
    redis.destroy();
    await server.end();
  });
  await once(redis, 'ready');
  const state = new State(redis);
  const accept = async (id: string, caller: string) => {
    const job = { id, caller, service: 's', model: 'm', deadline_s: 60, max_live: 9 };
    await state.run('accept', { ...job, idempotency_key: id, stream: false, limits }, '{"a":1}');
  };
  const start = async (id: string) =>
    redis.hSet(`job:${id}`, { status: 'running', fence: '1', lease_until: Date.now() + 60_000 });
  for (const id of ['waits', 'runs', 'ended']) await accept(id, 'user:alice');
  await accept('other', 'user:bob');
  for (const id of ['runs', 'ended']) await start(id);
  const end = { fence: 1, status: 'succeeded', limits };
  await state.run('finish', { id: 'ended', ...end });

  const shown = (await personal.export(state, 'user:alice')) as { id: string; input?: string }[];
  assert.deepEqual(shown.map(({ id }) => id).toSorted(), ['ended', 'runs', 'waits']);
  assert.equal(shown.find(({ id }) => id === 'waits')?.input, '{"a":1}');

  const erased = personal.erase(state, 'user:alice');
  // Who runs it is asked to end it.
  while ((await redis.hGet('job:runs', 'cancel_requested')) === null);
  assert.equal(await redis.exists('job:runs'), 1);
  await state.run('finish', { id: 'runs', ...end, status: 'canceled' });
  assert.equal(await erased, 3);
  assert.deepEqual(await personal.export(state, 'user:alice'), []);
  const keys = await redis.keys('*');
  assert.deepEqual(
    keys.filter((key) => /alice|waits|runs|ended$/.test(key)),
    ['ended'],
  );
  assert.equal((await personal.export(state, 'user:bob')).length, 1);
});
