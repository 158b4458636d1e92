import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { contractsDir } from '@app/contracts';
import { keysFile } from '@app/http/testing';
import { connect, State, type RedisClient } from '@app/state';
import { TestRedis } from '@app/state/testing';
import type { FastifyInstance } from 'fastify';
import { Job } from '../src/schemas.ts';
import { ULID } from '../src/ulid.ts';
import { startInference } from './inference.ts';
import { assertProblem, exchange, gateway } from './support.ts';

const limits = { result_s: 86_400, events_s: 3_600, dead_s: 604_800, events_maxlen: 1_000 };
const body = {
  model: 'digits',
  input: { inputs: [{ name: 'image', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] },
};
const output = { model_name: 'digits', model_version: '1', outputs: [] };

let redis: TestRedis;
let client: RedisClient;
let state: State;

before(async () => {
  redis = await TestRedis.start();
  client = connect(redis.url, 'test', { info() {}, warn() {} });
  await once(client, 'ready');
  state = new State(client);
});

after(async () => {
  client.destroy();
  await redis.end();
});

/** A gateway with state and inference, in a store that is empty. */
async function system(t: TestContext, environment: Record<string, string> = {}) {
  await client.flushAll();
  const inference = await startInference(t);
  const app = await gateway(t, {
    REDIS_URL: redis.url,
    INFERENCE_URLS: `inference=${inference.url}`,
    ...environment,
  });
  await connected(app);
  return app;
}

async function connected(app: FastifyInstance): Promise<void> {
  for (;;) {
    try {
      await app.jobs.stats();
      return;
    } catch {
      await new Promise(setImmediate);
    }
  }
}

function post(app: FastifyInstance, headers: Record<string, string> = {}, payload: object = body) {
  return app.inject({ method: 'POST', url: '/v1/predictions', headers, payload });
}

/** What a worker does, in its two steps. */
async function start(id: string): Promise<number> {
  const args = { id, owner: 'test', lease_ms: 30_000, max_attempts: 5, limits };
  const parts = ['lib', 'start'].map((name) => join(contractsDir, 'lua', `${name}.lua`));
  const script = parts.map((path) => readFileSync(path, 'utf8')).join('\n');
  // Only workers start jobs, so that `State.run` does not know its reply: a list of texts.
  const reply = await client.eval(script, { arguments: [JSON.stringify(args)] });
  const started = JSON.parse(String(Array.isArray(reply) ? reply[0] : reply));
  assert.equal(started.result, 'started');
  return started.fence;
}

async function finish(id: string, fence: number, status: string, result: object): Promise<void> {
  const args = { id, fence, status, model_version: '1', limits };
  const finished = await state.run('finish', args, JSON.stringify(result));
  assert.deepEqual(finished, { result: 'ok' });
}

/** The job that is there, as soon as there is one. */
async function accepted(): Promise<string> {
  for (;;) {
    const [id] = await client.zRange('live', 0, 0);
    if (id !== undefined) return id;
  }
}

test('accepts a job: 202, where it is, when to ask', async (t) => {
  const app = await system(t);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const response = await post(app, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  assert.equal(response.statusCode, 202);
  const job = response.json();
  assert.match(job.id, ULID);
  assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(response.headers['location'], `/v1/predictions/${job.id}`);
  assert.equal(response.headers['retry-after'], '1');
  assert.equal(response.headers['vary'], 'Prefer');
  assert.equal(response.headers['preference-applied'], undefined);
  assert.match(job.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(Date.parse(job.deadline_at) - Date.parse(job.created_at), 600_000);
  // Only what accepting decides; the contract says what else a job has.
  Job.parse(job);
  assert.partialDeepStrictEqual(job, {
    status: 'queued',
    model: 'digits',
    model_version: null,
    attempt: 1,
    progress: 0,
    started_at: null,
    finished_at: null,
    expires_at: null,
    output: null,
    error: null,
    trace_id: trace,
    redriven_from: null,
  });
  const read = await app.inject(job.links.self);
  assert.equal(read.statusCode, 200);
  assert.deepEqual(read.json(), job);
  assert.equal(await accepted(), job.id);
});

test('answers 201 with a job that ends within the wait, also a failed one', async (t) => {
  const app = await system(t);
  const problem = { type: '/problems/model', title: 'Model', status: 500 };
  const ends: [string, object][] = [
    ['succeeded', output],
    ['failed', problem],
  ];
  for (const [status, result] of ends) {
    const waiting = post(app, { prefer: 'wait=20' }).then((response) => response);
    const id = await accepted();
    await finish(id, await start(id), status, result);
    const response = await waiting;
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers['preference-applied'], 'wait=20');
    assert.equal(response.headers['location'], `/v1/predictions/${id}`);
    assert.equal(response.headers['retry-after'], undefined);
    const job = response.json();
    assert.equal(job.status, status);
    assert.deepEqual(status === 'failed' ? job.error : job.output, result);
    assert.ok(job.started_at && job.finished_at && job.expires_at);
  }
});

test('answers 202 when the wait is over before the job', async (t) => {
  const app = await system(t, { WAIT_MAX_S: '1' });
  const response = await post(app, { prefer: 'respond-async, wait=1' });
  assert.equal(response.statusCode, 202);
  assert.equal(response.headers['preference-applied'], 'respond-async');
});

test('reads a job when it is done, if that is preferred', async (t) => {
  const app = await system(t);
  const { id } = (await post(app)).json();
  const waiting = app
    .inject({ url: `/v1/predictions/${id}`, headers: { prefer: 'wait=20' } })
    .then((response) => response);
  const fence = await start(id);
  await finish(id, fence, 'succeeded', output);
  const response = await waiting;
  assert.equal(response.statusCode, 200);
  assert.equal(response.json().status, 'succeeded');
  assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(response.headers['preference-applied'], 'wait=20');
});

test('waits end when the gateway drains', async (t) => {
  const app = await system(t);
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const waiting = fetch(`${address}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify(body),
  });
  await accepted();
  await app.close();
  assert.equal((await waiting).status, 202);
});

test('the same key and body is the same job', async (t) => {
  const app = await system(t);
  const key = { 'idempotency-key': 'a b/c' };
  const first = await post(app, key);
  assert.equal(first.statusCode, 202);
  const { input, model } = body;
  const again = await post(app, key, { input, model });
  assert.equal(again.statusCode, 200);
  assert.equal(again.headers['idempotency-replayed'], 'true');
  assert.deepEqual(again.json(), first.json());
  const other = await post(app, key, { ...body, deadline_s: 10 });
  assertProblem(other, 422, 'idempotency-key-reuse');
});

test('a replay honours the wait', async (t) => {
  const app = await system(t);
  const key = { 'idempotency-key': 'k' };
  const { id } = (await post(app, key)).json();
  const waiting = post(app, { ...key, prefer: 'wait=20' }).then((response) => response);
  await finish(id, await start(id), 'succeeded', output);
  const response = await waiting;
  assert.equal(response.statusCode, 200);
  assert.equal(response.json().status, 'succeeded');
  assert.equal(response.headers['preference-applied'], 'wait=20');
});

test('one key posted 50 times at once is one job', async (t) => {
  const app = await system(t);
  const posts = Array.from({ length: 50 }, () => post(app, { 'idempotency-key': 'k' }));
  const responses = await Promise.all(posts);
  const ids = new Set(responses.map((response) => response.json().id));
  assert.equal(ids.size, 1);
  const codes = responses.map((response) => response.statusCode).sort();
  assert.deepEqual(codes, [...Array<number>(49).fill(200), 202]);
});

test('refuses what is not a prediction, and says where', async (t) => {
  const app = await system(t, { BODY_LIMIT_BYTES: '2048' });
  const json = { 'content-type': 'application/json' };
  const raw = (payload: string, headers: Record<string, string> = json) =>
    app.inject({ method: 'POST', url: '/v1/predictions', headers, payload });

  assertProblem(await raw('{"model":'), 400, 'bad-request');
  assertProblem(await raw('{"model":NaN}'), 400, 'bad-request');
  const [proto] = assertProblem(await raw('{"__proto__":{}}'), 422, 'invalid-body');
  assert.equal(proto?.pointer, '/__proto__');
  assertProblem(await raw(''), 400, 'bad-request');
  assertProblem(await raw('"'.repeat(3_000)), 413, 'body-too-large');
  const large = '1e20,'.repeat(255);
  const tensor = `{"name":"image","datatype":"FP32","shape":[64,4],"data":[${large}1]}`;
  const written = await raw(`{"model":"digits","input":{"inputs":[${tensor}]}}`);
  assertProblem(written, 413, 'body-too-large');
  assertProblem(await raw('a', { 'content-type': 'text/plain' }), 415, 'unsupported-media-type');
  assertProblem(await raw('a', {}), 415, 'unsupported-media-type');
  const long = await post(app, { 'idempotency-key': 'k'.repeat(256) });
  const [key] = assertProblem(long, 422, 'invalid-header');
  assert.equal(key?.pointer, '/idempotency-key');

  const faults = async (payload: object) =>
    assertProblem(await post(app, {}, payload), 422, 'invalid-body').map(({ pointer }) => pointer);
  assert.deepEqual(await faults({ ...body, model: 'other' }), ['/model']);
  assert.deepEqual(await faults({ ...body, model: '../x' }), ['/model']);
  assert.deepEqual(await faults({ model: 'digits' }), ['/input']);
  assert.deepEqual(await faults({ ...body, extra: 1 }), ['']);
  assert.deepEqual(await faults({ ...body, deadline_s: 0 }), ['/deadline_s']);
  assert.deepEqual(await faults({ ...body, deadline_s: 1e9 }), ['/deadline_s']);
  const [image] = body.input.inputs;
  assert.deepEqual(await faults({ ...body, input: { inputs: [{ ...image, shape: [2, 4] }] } }), [
    '/input/inputs/0/data',
  ]);
  const empty = { ...image, shape: [0, 4], data: [] };
  assert.deepEqual(await faults({ ...body, input: { inputs: [empty] } }), [
    '/input/inputs/0/shape/0',
  ]);
  const deep = `${'['.repeat(900)}${']'.repeat(900)}`;
  const nested = await raw(
    JSON.stringify({ ...body, input: { ...body.input, parameters: { deep: 0 } } }).replace(
      '"deep":0',
      `"deep":${deep}`,
    ),
  );
  assert.deepEqual(assertProblem(nested, 422, 'invalid-body')[0]?.pointer, '');
  assert.equal((await app.jobs.stats()).depth, 0);
});

test('parameters may have any keys', async (t) => {
  const app = await system(t);
  const parameters = { constructor: { prototype: { a: 1 } }, toString: null, hasOwnProperty: [] };
  const response = await post(app, {}, { ...body, input: { ...body.input, parameters } });
  assert.equal(response.statusCode, 202);
  const input = await client.hGet(`job:${response.json().id}`, 'input');
  assert.deepEqual(JSON.parse(String(input)).parameters, parameters);
});

test('what is refused counts as a request, and what is accepted does not', async (t) => {
  const app = await system(t, {
    API_KEYS_FILE: keysFile(t, { shop: 's1', till: 's2' }),
    RATE_LIMIT_PER_MINUTE: '5',
  });
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  for (let count = 0; count < 10; count += 1) {
    assert.equal((await post(app, as('s1'))).statusCode, 202);
  }
  for (let count = 0; count < 5; count += 1) {
    assertProblem(await post(app, as('s1'), {}), 422, 'invalid-body');
  }
  const limited = await post(app, as('s1'));
  assertProblem(limited, 429, 'too-many-requests');
  assert.match(String(limited.headers['retry-after']), /^[1-9]\d?$/);
  // Others are not concerned, nor are the caller's other requests.
  assert.equal((await post(app, as('s2'))).statusCode, 202);
  const read = await app.inject({ url: '/v1/predictions/none', headers: as('s1') });
  assertProblem(read, 404, 'not-found');
  // Who guesses keys is limited by address.
  for (let count = 0; count < 5; count += 1) {
    assertProblem(await post(app, as(`guess${count}`)), 401, 'unauthorized');
  }
  assertProblem(await post(app, as('guess')), 429, 'too-many-requests');
  assert.equal((await post(app, as('s2'))).statusCode, 202);
});

test('what is refused counts by its size as well', async (t) => {
  const app = await system(t, { RATE_LIMIT_PER_MINUTE: '100' });
  const headers = { 'content-type': 'application/json' };
  const bomb = () =>
    app.inject({ method: 'POST', url: '/v1/predictions', headers, payload: '['.repeat(1_000_000) });
  assertProblem(await bomb(), 422, 'invalid-body');
  assertProblem(await bomb(), 422, 'invalid-body');
  assertProblem(await bomb(), 429, 'too-many-requests');
});

// Without its limit a request has 60 s: Node's own bound.
const withinTheLimit = { timeout: 30_000 };

test('a body that does not arrive in time is answered once, by 408', withinTheLimit, async (t) => {
  const app = await system(t, { REQUEST_TIMEOUT_S: '1', HANDLER_TIMEOUT_S: '1' });
  const head = 'POST /v1/predictions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json';
  const { status, text } = await exchange(t, app, `${head}\r\ncontent-length: 9`);
  assert.equal(status, 408);
  assert.equal(text.split('HTTP/1.1 ').length, 2, text);
});

test('names Prefer beside what else an answer varies by', async (t) => {
  const app = await system(t, { CORS_ORIGINS: 'https://a.example' });
  const response = await post(app, { origin: 'https://a.example' });
  assert.equal(response.headers['vary'], 'Origin, Prefer');
});

test('accepts while inference is unreachable', async (t) => {
  const app = await system(t, { INFERENCE_URLS: 'inference=http://127.0.0.1:1' });
  assert.equal((await post(app, {}, { ...body, model: 'unheard-of' })).statusCode, 202);
});

test('bounds the jobs of a caller in a minute', async (t) => {
  const app = await system(t, { ACCEPT_PER_MINUTE: '1' });
  assert.equal((await post(app)).statusCode, 202);
  const refused = await post(app);
  assertProblem(refused, 429, 'quota-exceeded');
  assert.ok(Number(refused.headers['retry-after']) >= 1);
});

test('bounds the queue', async (t) => {
  const app = await system(t, { QUEUE_MAX_LIVE: '1' });
  assert.equal((await post(app)).statusCode, 202);
  const refused = await post(app);
  assertProblem(refused, 503, 'queue-full');
  assert.ok(Number(refused.headers['retry-after']) >= 5);
});

test('cancels: at once if queued, soon if running, not at all if done', async (t) => {
  const app = await system(t);
  const cancel = (id: string) => app.inject({ method: 'DELETE', url: `/v1/predictions/${id}` });

  const queued = (await post(app)).json();
  const canceled = await cancel(queued.id);
  assert.equal(canceled.statusCode, 200);
  assert.equal(canceled.json().status, 'canceled');
  assert.equal((await cancel(queued.id)).statusCode, 200);

  const running = (await post(app)).json();
  const fence = await start(running.id);
  const asked = await cancel(running.id);
  assert.equal(asked.statusCode, 202);
  assert.equal(asked.json().status, 'running');

  await finish(running.id, fence, 'succeeded', output);
  const done = await cancel(running.id);
  assert.equal(done.statusCode, 200);
  assert.equal(done.json().status, 'succeeded');
});

test('a job that is not there is not found', async (t) => {
  const app = await system(t);
  for (const id of ['01ARZ3NDEKTSV4RRFFQ69G5FAV', 'nonsense', 'a:events']) {
    assertProblem(await app.inject(`/v1/predictions/${id}`), 404, 'not-found');
    const deleted = await app.inject({ method: 'DELETE', url: `/v1/predictions/${id}` });
    assertProblem(deleted, 404, 'not-found');
  }
  const put = await app.inject({ method: 'PUT', url: '/v1/predictions/x' });
  assertProblem(put, 405, 'method-not-allowed');
  assert.equal(put.headers['allow'], 'DELETE, GET, HEAD');
});

test("where keys are configured, others' jobs are not found", async (t) => {
  const app = await system(t, { API_KEYS_FILE: keysFile(t, { shop: 's1', till: 's2' }) });
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  assertProblem(await post(app), 401, 'unauthorized');
  const { id } = (await post(app, as('s1'))).json();
  const url = `/v1/predictions/${id}`;
  assert.equal((await app.inject({ url, headers: as('s1') })).statusCode, 200);
  assertProblem(await app.inject({ url, headers: as('s2') }), 404, 'not-found');
  const foreign = await app.inject({ method: 'DELETE', url, headers: as('s2') });
  assertProblem(foreign, 404, 'not-found');
  const own = await app.inject({ method: 'DELETE', url, headers: as('s1') });
  assert.equal(own.json().status, 'canceled');
});

test('expires overdue jobs without any worker', async (t) => {
  const app = await system(t, { RELAY_S: '0.05' });
  const response = await post(app, { prefer: 'wait=20' }, { ...body, deadline_s: 0.05 });
  assert.equal(response.statusCode, 201);
  assert.equal(response.json().status, 'expired');
});

test('exports depth and age of jobs', async (t) => {
  const app = await system(t);
  await post(app);
  const text = await app.metrics.metrics();
  assert.match(text, /jobs_depth\{.*\} 1\n/);
  assert.match(text, /jobs_oldest_age_seconds\{.*\} [\d.]+\n/);
  assert.match(text, /jobs_accepts_total\{.*result="accepted".*\} 1\n/);
});

test('requests are counted over all gateways', async (t) => {
  const first = await system(t, { RATE_LIMIT_PER_MINUTE: '2' });
  const second = await gateway(t, { REDIS_URL: redis.url, RATE_LIMIT_PER_MINUTE: '2' });
  await connected(second);
  assert.equal((await first.inject('/docs/json')).statusCode, 200);
  assert.equal((await second.inject('/docs/json')).statusCode, 200);
  assertProblem(await first.inject('/docs/json'), 429, 'too-many-requests');
});

test('what a gateway counts by itself is soon known to the others', async (t) => {
  const limit = 100;
  const first = await system(t, { RATE_LIMIT_PER_MINUTE: String(limit) });
  const second = await gateway(t, { REDIS_URL: redis.url, RATE_LIMIT_PER_MINUTE: String(limit) });
  await connected(second);
  let allowed = 0;
  const ask = async (app: FastifyInstance): Promise<boolean> => {
    const { statusCode } = await app.inject('/docs/json');
    if (statusCode === 200) allowed += 1;
    // What is told travels in the time of a round trip.
    await app.state.ask((client) => client.ping());
    return statusCode === 200;
  };
  for (let request = 0; request < limit * 0.6; request += 1) assert.ok(await ask(first));
  while (await ask(second)) assert.ok(allowed < 2 * limit);
  assert.ok(allowed >= limit && allowed <= limit * 1.1, `${allowed} were allowed`);
});

test('lives without Redis, refuses writes at once, and heals by itself', async (t) => {
  const own = await TestRedis.absent();
  t.after(() => own.end());
  const inference = await startInference(t);
  const app = await gateway(t, {
    REDIS_URL: own.url,
    INFERENCE_URLS: `inference=${inference.url}`,
  });
  assert.equal((await app.inject('/livez')).statusCode, 200);
  assert.equal((await app.inject('/readyz')).statusCode, 200);
  assert.equal((await app.inject('/docs/json')).statusCode, 200);
  const refused = await post(app);
  assertProblem(refused, 503, 'broker-unavailable');
  assert.ok(Number(refused.headers['retry-after']) >= 5);
  assertProblem(
    await app.inject('/v1/predictions/01ARZ3NDEKTSV4RRFFQ69G5FAV'),
    503,
    'broker-unavailable',
  );
  await own.start();
  await connected(app);
  assert.equal((await post(app)).statusCode, 202);
  await own.kill();
  assertProblem(await post(app), 503, 'broker-unavailable');
  await own.start();
  await connected(app);
  assert.equal((await post(app)).statusCode, 202);
});

test('a lost hint delays an answer and does not lose it', async (t) => {
  const app = await system(t);
  const waiting = post(app, { prefer: 'wait=20' }).then((response) => response);
  const id = await accepted();
  const fence = await start(id);
  await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
  await finish(id, fence, 'succeeded', output);
  assert.equal((await waiting).statusCode, 201);
});
