import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueTicket } from '@app/sessions/tickets';
import { State } from '@app/state';
import { startRedis, startService, TestClient } from './harness.ts';

const { url, redis } = await startRedis();

test('the job of a person is there for nobody else, also where no keys are needed', async () => {
  const service = await startService(url);
  const topic = `jobs/${'0'.repeat(26)}`;
  await redis.hSet(`job:${'0'.repeat(26)}`, { caller: 'user:alice', status: 'running' });
  const open = async (caller: string) => {
    const ticket = await issueTicket(new State(redis), { caller }, 30);
    return await TestClient.open(service, {}, ['v1', `ticket.${ticket}`]);
  };
  const unknown = await TestClient.open(service);
  for (const client of [unknown, await open('user:bob')]) {
    assert.equal((await client.ask({ op: 'subscribe', topic })).code, 'not-found');
  }
  await (await open('user:alice')).subscribe(topic);
});
