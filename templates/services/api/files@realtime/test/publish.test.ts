import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { redisServer, startService, TestClient } from './harness.ts';

const server = await redisServer();
await server.start();

async function publish(url: string, channel: string, body: unknown): Promise<number> {
  const answer = await fetch(`${url}/internal/channels/${channel}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test('what a service says in a channel reaches those who listen', async (t) => {
  const service = await startService(server.url, {}, { ann: 'ann' });
  t.after(() => service.close());
  const ann = await TestClient.open(service, { headers: { authorization: 'Bearer ann' } });
  await ann.subscribe('channels/items');
  const event = { id: randomUUID(), type: 'item.created', item: randomUUID() };
  assert.equal(await publish(service.url, 'items', { from: 'shop', event }), 204);
  await ann.receives('channels/items', 1);
  assert.deepEqual(ann.data('channels/items'), [event]);
});

test('takes no event that cannot be told from another', async (t) => {
  const service = await startService(server.url);
  t.after(() => service.close());
  const event = { type: 'item.created' };
  assert.equal(await publish(service.url, 'items', { from: 'shop', event }), 422);
  const whole = { from: 'shop', event: { ...event, id: randomUUID() } };
  assert.equal(await publish(service.url, 'no%20name', whole), 422);
  assert.equal(await publish(service.url, 'items', whole), 204);
});

test('says that it cannot keep an event', async (t) => {
  const service = await startService(server.url);
  t.after(() => service.close());
  await server.kill();
  t.after(() => server.start());
  const event = { id: randomUUID() };
  assert.equal(await publish(service.url, 'items', { from: 'shop', event }), 503);
});
