import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as ask, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { keysFile } from '@app/http/testing';
import { startInference } from './inference.ts';
import { assertProblem, gateway } from './support.ts';

const json = { 'content-type': 'application/json' };

test('passes requests straight to inference, and what it answers back', async (t) => {
  const inference = await startInference(t);
  const keys = keysFile(t, { shop: 'secret' });
  const app = await gateway(t, {
    INFERENCE_URLS: `inference=${inference.url}/`,
    API_KEYS_FILE: keys,
  });
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const headers = { ...json, authorization: 'Bearer secret' };
  const described = await app.inject({ url: '/v2/models/digits', headers });
  assert.equal(described.json().name, 'digits');

  inference.answer = (_request, response) => {
    response.writeHead(400, { ...json, 'x-model': 'digits' }).end('{"error":"no"}');
  };
  const payload = '{ "inputs": [ ] }';
  const response = await app.inject({
    method: 'POST',
    url: '/v2/models/digits/infer',
    headers: { ...headers, traceparent: `00-${trace}-00f067aa0ba902b7-01` },
    payload,
  });
  assert.equal(response.statusCode, 400);
  assert.equal(response.headers['x-model'], 'digits');
  assert.deepEqual(response.json(), { error: 'no' });
  const asked = inference.asked.at(-1);
  assert.equal(`${asked?.method} ${asked?.url}`, 'POST /v2/models/digits/infer');
  assert.equal(String(asked?.body), payload);
  assert.match(String(asked?.headers['traceparent']), new RegExp(`^00-${trace}-`));
  assert.equal(asked?.headers['authorization'], undefined);
});

test('passes every path of the protocol on as it is', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, { INFERENCE_URLS: `inference=${inference.url}` });
  await app.models.find('digits');
  inference.answer = (request, response) => response.writeHead(200, json).end(`"${request.url}"`);
  const paths = [
    '/v2',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/digits',
    '/v2/models/digits/ready',
    '/v2/models/digits/versions/1',
    '/v2/models/digits/versions/1/ready',
  ];
  for (const path of paths) {
    const response = await app.inject(`${path}?a=b`);
    assert.equal(response.statusCode, 200, path);
    assert.equal(response.json(), `${path}?a=b`);
    assert.equal((await app.inject({ method: 'HEAD', url: path })).statusCode, 200, path);
  }
  for (const path of ['/v2/models/digits/infer', '/v2/models/digits/versions/1/infer']) {
    const response = await app.inject({ method: 'POST', url: path, headers: json, payload: '{}' });
    assert.equal(response.json(), path);
  }
});

test('what is sent to inference and comes from it keeps its bytes', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, { INFERENCE_URLS: `inference=${inference.url}` });
  await app.models.find('digits');
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const answered = { 'inference-header-content-length': '7', 'content-encoding': 'deflate' };
  inference.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', ...answered }).end(every);
  };
  const sent: [Record<string, string>, Buffer][] = [
    // JSON that names no type: what tritonclient sends.
    [{}, Buffer.from('{"inputs":[]}')],
    [{ 'content-type': 'application/octet-stream', 'inference-header-content-length': '4' }, every],
    [{ 'inference-header-content-length': '4' }, every],
    [{ 'content-type': 'application/json; charset=utf-8' }, Buffer.from('{ }')],
    [{ ...json, 'content-encoding': 'gzip' }, gzipSync('{"inputs":[]}')],
  ];
  for (const [headers, payload] of sent) {
    const url = '/v2/models/digits/infer';
    const response = await app.inject({ method: 'POST', url, headers, payload });
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.rawPayload, every);
    const asked = inference.asked.at(-1);
    assert.deepEqual(asked?.body, payload);
    for (const name of ['content-type', 'content-encoding', 'inference-header-content-length']) {
      assert.equal(asked?.headers[name], headers[name], name);
    }
    for (const [name, value] of Object.entries(answered)) {
      assert.equal(response.headers[name], value);
    }
  }
});

test('what concerns a connection is not passed on, and does not break a request', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, { INFERENCE_URLS: `inference=${inference.url}` });
  const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
  const url = '/v2/models/digits/infer';
  await app.models.find('digits');
  inference.answer = (_request, response) => {
    response.writeHead(200, { ...json, connection: 'close', 'keep-alive': 'timeout=1' }).end('{}');
  };
  const asking: Record<string, string>[] = [
    { expect: '100-continue' },
    { 'keep-alive': 'timeout=5' },
    { te: 'trailers', trailer: 'x-check' },
    { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQ' },
    { 'proxy-connection': 'keep-alive', 'proxy-authorization': 'Basic eDp5' },
  ];
  for (const headers of asking) {
    const options = { port, path: url, method: 'POST', headers: { ...json, ...headers } };
    const response = await exchange(options, '{}');
    assert.equal(response.statusCode, 200, JSON.stringify(headers));
    assert.notEqual(response.headers['keep-alive'], 'timeout=1');
    const passed = inference.asked.at(-1)?.headers ?? {};
    for (const name of Object.keys(headers)) {
      if (name !== 'connection') assert.equal(passed[name], undefined, name);
    }
  }
  // The body of a GET has no meaning and is not passed on.
  const options = { port, path: '/v2/models/digits', headers: { ...json, 'content-length': '2' } };
  assert.equal((await exchange(options, '{}')).statusCode, 200);
});

test('a connection that inference ends harms no request that waits for it', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, { INFERENCE_URLS: `inference=${inference.url}` });
  await app.models.find('digits');
  const used = new Set<Socket>();
  // Each connection answers once: whatever is sent on it after that is lost.
  inference.answer = ({ socket }, response) => {
    if (used.has(socket)) socket.resetAndDestroy();
    else response.writeHead(200, json).end('{}');
    used.add(socket);
  };
  const infer = () =>
    app.inject({
      method: 'POST',
      url: '/v2/models/digits/infer',
      headers: json,
      payload: '{"inputs":[]}',
    });
  for (let round = 0; round < 5; round += 1) {
    const responses = await Promise.all(Array.from({ length: 20 }, infer));
    assert.deepEqual(new Set(responses.map(({ statusCode }) => statusCode)), new Set([200]));
  }
});

test('what ends every connection is tried twice, and answered by a problem', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, { INFERENCE_URLS: `inference=${inference.url}` });
  await app.models.find('digits');
  const before = inference.asked.length;
  inference.answer = ({ socket }) => socket.destroy();
  const url = '/v2/models/digits/infer';
  const response = await app.inject({ method: 'POST', url, headers: json, payload: '{}' });
  assertProblem(response, 503, 'inference-unavailable');
  assert.equal(inference.asked.length - before, 2);
});

test('of several services one that lives is enough, and all must be ready', async (t) => {
  const [one, other] = [await startInference(t), await startInference(t)];
  const app = await gateway(t, { INFERENCE_URLS: `a=${one.url},b=${other.url}` });
  const answers = (name: string, status: number) => (inference: typeof one) => {
    inference.answer = (_request, response) =>
      response.writeHead(status, json).end(JSON.stringify({ name }));
  };
  const ask = async (path: string) => {
    const response = await app.inject(path);
    return [response.statusCode, response.json().name];
  };
  answers('one', 200)(one);
  answers('other', 503)(other);
  assert.deepEqual(await ask('/v2/health/ready'), [503, 'other']);
  assert.deepEqual(await ask('/v2/health/live'), [200, 'one']);
  assert.deepEqual(await ask('/v2'), [200, 'one']);
  answers('one', 503)(one);
  answers('other', 200)(other);
  assert.deepEqual(await ask('/v2/health/ready'), [503, 'one']);
  assert.deepEqual(await ask('/v2/health/live'), [200, 'other']);
  assert.deepEqual(await ask('/v2'), [200, 'other']);
  answers('one', 200)(one);
  assert.deepEqual(await ask('/v2/health/ready'), [200, 'one']);
});

test('answers by problems what does not reach inference', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, {
    INFERENCE_URLS: `inference=${inference.url}`,
    BODY_LIMIT_BYTES: '1024',
  });
  const infer = (model: string, payload: string, headers: Record<string, string> = json) =>
    app.inject({ method: 'POST', url: `/v2/models/${model}/infer`, headers, payload });
  assertProblem(await infer('other', '{}'), 404, 'unknown-model');
  const named = assertProblem(await infer('..%2f', '{}'), 422, 'invalid-path');
  assert.deepEqual(
    named.map(({ pointer }) => pointer),
    ['/model'],
  );
  assertProblem(await infer('digits', 'x'.repeat(2_000)), 413, 'body-too-large');
  assertProblem(
    await infer('digits', 'a', { 'content-type': 'text/plain' }),
    415,
    'unsupported-media-type',
  );
});

test("the gateway's own problems say `error`, as the protocol's clients expect it", async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, {
    INFERENCE_URLS: `inference=${inference.url}`,
    API_KEYS_FILE: keysFile(t, { shop: 'secret' }),
    RATE_LIMIT_PER_MINUTE: '5',
  });
  const headers = { authorization: 'Bearer secret' };
  const refused = async (url: string, status: number, more: object = { headers }) => {
    const response = await app.inject({ url, ...more });
    assert.equal(response.statusCode, status, url);
    const { detail, error } = response.json();
    assert.equal(error, detail);
    assert.equal(typeof error, 'string');
  };
  await refused('/v2/models/digits', 401, {});
  await refused('/v2/models/other', 404);
  await refused('/v2/nothing', 404);
  await refused('/v2/models/digits/infer', 405);
  await refused('/v2/models/a%20b', 422);
  assert.equal((await app.inject({ url: '/v2/models/digits', headers })).statusCode, 200);
  await refused('/v2/models/digits', 429);
});

test('says so when inference is not there', async (t) => {
  const app = await gateway(t);
  const response = await app.inject({
    method: 'POST',
    url: '/v2/models/digits/infer',
    headers: json,
    payload: '{}',
  });
  assertProblem(response, 503, 'inference-unavailable');
  assert.match(String(response.headers['retry-after']), /^\d+$/);
  assertProblem(await app.inject('/v2/health/ready'), 503, 'inference-unavailable');
});

test('a body is bounded in time, also after it was read', async (t) => {
  const inference = await startInference(t);
  const app = await gateway(t, {
    INFERENCE_URLS: `inference=${inference.url}`,
    HANDLER_TIMEOUT_S: '1',
  });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  await app.models.find('digits');
  inference.answer = () => undefined;
  const response = await fetch(`${address}/v2/models/digits/infer`, {
    method: 'POST',
    headers: json,
    body: '{}',
  });
  assert.equal(response.status, 503);
  assert.match(await response.text(), /\/problems\/(timeout|inference-unavailable)/);
});

async function exchange(options: RequestOptions, body: string): Promise<IncomingMessage> {
  const asked = ask({ host: '127.0.0.1', ...options }).end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  await buffer(response);
  return response;
}
