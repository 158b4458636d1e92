import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRedis, startService, TestClient, until } from './harness.ts';

const { url, redis } = await startRedis();
let jobs = 0;

/** A job as the scripts of contracts/lua leave it. */
async function job(...types: string[]): Promise<{ id: string; ids: string[] }> {
  return await jobOf('127.0.0.1', ...types);
}

async function jobOf(caller: string, ...types: string[]): Promise<{ id: string; ids: string[] }> {
  const id = String((jobs += 1)).padStart(26, '0');
  const ids = [];
  await redis.hSet(`job:${id}`, { caller, status: 'queued' });
  for (const type of types) ids.push(await step(id, type));
  return { id, ids };
}

async function step(id: string, type: string): Promise<string> {
  const status = type === 'progress' ? 'running' : type;
  await redis.hSet(`job:${id}`, { status });
  const entry = await redis.xAdd(`job:${id}:events`, '*', {
    type,
    data: JSON.stringify({ id, status }),
  });
  await redis.publish(`hint:jobs/${id}`, entry);
  return entry;
}

const types = (client: TestClient, id: string) =>
  client.events(`jobs/${id}`).map(({ type }) => type);

test('tells a job from its beginning to its end', async () => {
  const service = await startService(url);
  const { id } = await job('queued', 'running');
  const client = await TestClient.open(service);
  await client.subscribe(`jobs/${id}`);
  await step(id, 'progress');
  await step(id, 'succeeded');
  await client.receives(`jobs/${id}`, 4);
  assert.deepEqual(types(client, id), ['queued', 'running', 'progress', 'succeeded']);
});

test('a topic that has ended no longer counts as a subscription', async () => {
  const service = await startService(url, {
    WS_SUBSCRIPTIONS_MAX: '1',
    SUBSCRIBE_PER_SECOND: '1000',
  });
  const client = await TestClient.open(service);
  for (let n = 0; n < 3; n += 1) {
    const { id } = await job('queued', 'failed');
    await client.subscribe(`jobs/${id}`);
    await client.receives(`jobs/${id}`, 2);
  }
  const { id, ids } = await job('queued', 'failed');
  await client.subscribe(`jobs/${id}`, ids.at(-1));
  await until(
    async () => (await client.ask({ op: 'subscribe', topic: 'channels/next' })).op === 'subscribed',
    'room',
  );
  assert.deepEqual(types(client, id), []);
});

test('says `gap` when the events of an ended job have expired', async () => {
  const service = await startService(url);
  const { id } = await job('queued', 'succeeded');
  await redis.del(`job:${id}:events`);
  const client = await TestClient.open(service);
  await client.subscribe(`jobs/${id}`);
  await client.receives(`jobs/${id}`, 1);
  assert.deepEqual(types(client, id), ['gap']);
});

test('nobody publishes to a job', async () => {
  const service = await startService(url);
  const client = await TestClient.open(service);
  const { id } = await job('queued');
  assert.equal(
    (await client.ask({ op: 'publish', topic: `jobs/${id}`, data: 1 })).code,
    'read-only',
  );
});

test("where keys are configured, another caller's job does not exist", async () => {
  const service = await startService(url, {}, { ann: 'k1', bob: 'k2' });
  const { id } = await jobOf('ann', 'queued');
  const [ann, bob] = await Promise.all(
    ['k1', 'k2'].map((key) =>
      TestClient.open(service, { headers: { authorization: `Bearer ${key}` } }),
    ),
  );
  await ann?.subscribe(`jobs/${id}`);
  assert.equal((await bob?.ask({ op: 'subscribe', topic: `jobs/${id}` }))?.code, 'not-found');
  const missing = await bob?.ask({ op: 'subscribe', topic: 'jobs/7ZZZZZZZZZZZZZZZZZZZZZZZZZ' });
  assert.equal(missing?.code, 'not-found');
  const events = `${service.url}/v1/predictions/${id}/events`;
  assert.equal((await fetch(events, { headers: { authorization: 'Bearer k2' } })).status, 404);
  assert.equal((await fetch(events)).status, 401);
});

test('a stream ends after the terminal event', async () => {
  const service = await startService(url);
  const { id, ids } = await job('queued', 'running');
  const response = await fetch(`${service.url}/v1/predictions/${id}/events`);
  const last = await step(id, 'canceled');
  const data = (status: string) => `{"id":"${id}","status":"${status}"}`;
  assert.equal(
    await response.text(),
    `retry: 2000\n\nid: ${ids[0]}\nevent: queued\ndata: ${data('queued')}\n\n` +
      `id: ${ids[1]}\nevent: running\ndata: ${data('running')}\n\n` +
      `id: ${last}\nevent: canceled\ndata: ${data('canceled')}\n\n`,
  );
});

test('an EventSource that has seen the terminal event is told to stay away with 204', async () => {
  const service = await startService(url);
  const { id, ids } = await job('queued', 'expired');
  const at = (last: string | undefined) =>
    fetch(`${service.url}/v1/predictions/${id}/events`, {
      headers: { 'last-event-id': last ?? '' },
    });
  assert.equal((await at(ids[1])).status, 204);
  assert.match(await (await at(ids[0])).text(), /event: expired/);
  await redis.del(`job:${id}:events`);
  assert.equal((await at(ids[1])).status, 204);
});

test('the events of an unknown job are not found', async () => {
  const service = await startService(url);
  for (const id of ['7ZZZZZZZZZZZZZZZZZZZZZZZZZ', 'x']) {
    const response = await fetch(`${service.url}/v1/predictions/${id}/events`);
    assert.equal(response.status, 404);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  }
});
