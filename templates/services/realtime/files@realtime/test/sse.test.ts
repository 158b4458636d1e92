import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { slowConsumers } from '../src/metrics.ts';
import { append, startRedis, startService, until } from './harness.ts';

const { url, redis } = await startRedis();

interface Problem {
  type: string;
  status: number;
}

async function open(
  address: string,
  headers: Record<string, string> = {},
): Promise<{ response: IncomingMessage; text: () => string }> {
  const request = get(address, { headers, agent: false });
  const [response]: IncomingMessage[] = await once(request, 'response');
  assert.ok(response);
  let text = '';
  response.on('data', (chunk) => (text += String(chunk)));
  response.on('error', () => {});
  return { response, text: () => text };
}

test('streams a channel with ids, after the retry time', async () => {
  const service = await startService(url);
  const stream = await open(`${service.url}/v1/channels/told/events`);
  assert.equal(stream.response.headers['content-type'], 'text/event-stream');
  assert.equal(stream.response.headers['x-accel-buffering'], 'no');
  const id = await append(redis, 'told', { a: 1 });
  await until(() => stream.text().includes('event:'), 'an event');
  assert.equal(stream.text(), `retry: 2000\n\nid: ${id}\nevent: message\ndata: {"a":1}\n\n`);
});

test('resumes after Last-Event-ID, or where the query says so at first', async () => {
  const service = await startService(url);
  const first = await append(redis, 'again', 1);
  await append(redis, 'again', 2);
  const resumed = await open(`${service.url}/v1/channels/again/events?after=0`, {
    'last-event-id': first,
  });
  const all = await open(`${service.url}/v1/channels/again/events?after=0`);
  await until(
    () => resumed.text().includes('data: 2') && all.text().includes('data: 2'),
    'the second event',
  );
  assert.ok(!resumed.text().includes('data: 1'));
  assert.ok(all.text().includes('data: 1'));
});

test('says `gap` without an id when the entry is gone', async () => {
  const service = await startService(url);
  const stream = await open(`${service.url}/v1/channels/forgotten/events`, {
    'last-event-id': '5-0',
  });
  await until(() => stream.text().includes('gap'), 'the gap');
  assert.equal(stream.text(), 'retry: 2000\n\nevent: gap\ndata: {"after":"5-0"}\n\n');
});

test('comments keep an idle stream open', async () => {
  const service = await startService(url, { SSE_COMMENT_S: '0.05' });
  const stream = await open(`${service.url}/v1/channels/idle/events`);
  await until(() => stream.text().startsWith('retry: 2000\n\n:\n\n:\n\n'), 'comments');
});

test('cuts a stream that nobody reads', async () => {
  const service = await startService(url, { WS_BUFFER_MAX_BYTES: '262144' });
  slowConsumers.reset();
  const stream = await open(`${service.url}/v1/channels/unread/events`);
  stream.response.pause();
  const text = 'x'.repeat(16_000);
  const ended = new Promise((resolve) => stream.response.on('close', resolve));
  for (let cut = false; !cut; cut = (await slowConsumers.get()).values.length > 0)
    await append(redis, 'unread', text);
  stream.response.resume();
  await ended;
  assert.equal(stream.response.complete, false);
});

test('ends streams when the service stops', async () => {
  const service = await startService(url);
  const stream = await open(`${service.url}/v1/channels/stop/events`);
  const ended = once(stream.response, 'end');
  await service.close();
  await ended;
});

test('refuses with problem documents', async () => {
  const service = await startService(url);
  const statuses = [];
  for (const [path, id] of [
    ['channels/with%20space/events', ''],
    ['channels/x/events', 'yesterday'],
    ['nothing', ''],
  ]) {
    const response = await fetch(
      `${service.url}/v1/${path}`,
      id ? { headers: { 'last-event-id': id } } : {},
    );
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const problem = (await response.json()) as Problem;
    assert.equal(problem.status, response.status);
    statuses.push(`${problem.status} ${problem.type}`);
  }
  assert.deepEqual(statuses, [
    '404 /problems/not-found',
    '422 /problems/invalid-event-id',
    '404 /problems/not-found',
  ]);
});

test('without Redis answers 503 with Retry-After', async () => {
  const service = await startService('redis://127.0.0.1:1');
  const response = await fetch(`${service.url}/v1/channels/x/events`);
  assert.equal(response.status, 503);
  assert.ok(response.headers.get('retry-after'));
  const problem = (await response.json()) as Problem;
  assert.equal(problem.type, '/problems/state-unavailable');
});
