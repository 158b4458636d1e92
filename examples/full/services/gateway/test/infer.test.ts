import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startInference } from './inference.ts';
import { assertProblem, gateway, keysFile } from './support.ts';

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
  assert.equal(asked?.body, payload);
  assert.match(String(asked?.headers['traceparent']), new RegExp(`^00-${trace}-`));
  assert.equal(asked?.headers['authorization'], undefined);
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
  assertProblem(await infer('..%2f', '{}'), 400, 'bad-request');
  assertProblem(await infer('digits', 'x'.repeat(2_000)), 413, 'body-too-large');
  assertProblem(
    await infer('digits', 'a', { 'content-type': 'text/plain' }),
    415,
    'unsupported-media-type',
  );
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
