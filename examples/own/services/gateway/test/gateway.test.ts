import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { keysFile } from '@app/http/testing';
import { assertProblem, exchange, gateway } from './support.ts';

test('is alive and ready', async (t) => {
  const app = await gateway(t);
  for (const url of ['/livez', '/readyz']) {
    const response = await app.inject(url);
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { status: 'ok' });
  }
});

test('documents its routes, also where keys are configured', async (t) => {
  const app = await gateway(t, { API_KEYS_FILE: keysFile(t, { shop: 'secret' }) });
  const { openapi, paths } = (await app.inject('/docs/json')).json();
  assert.equal(openapi, '3.1.0');
  assert.ok(paths['/livez'].get.responses['200']);
  const page = await app.inject('/docs/');
  assert.equal(page.statusCode, 200);
  assert.match(String(page.headers['content-type']), /^text\/html/);
});

test('answers unknown paths and methods by problem documents', async (t) => {
  const app = await gateway(t);
  assertProblem(await app.inject('/nowhere'), 404, 'not-found');
  const response = await app.inject({ method: 'POST', url: '/livez?a=b' });
  assertProblem(response, 405, 'method-not-allowed');
  assert.equal(response.headers['allow'], 'GET, HEAD');
  assertProblem(await app.inject('/%zz'), 400, 'bad-request');
});

test('an unknown path stays unknown where pages of other origins are let in', async (t) => {
  const app = await gateway(t, { CORS_ORIGINS: 'https://a.example' });
  assertProblem(await app.inject('/nowhere'), 404, 'not-found');
  const response = await app.inject({ method: 'POST', url: '/livez' });
  assertProblem(response, 405, 'method-not-allowed');
  assert.equal(response.headers['allow'], 'GET, HEAD');
});

test('a file that is not there is not found', async (t) => {
  const app = await gateway(t);
  assertProblem(await app.inject('/docs/static/nothing.js'), 404, 'not-found');
});

test('answers a target that is a whole address as its path', async (t) => {
  const app = await gateway(t);
  const { text } = await exchange(t, app, 'GET http://a/nowhere?b HTTP/1.1\r\nhost: a');
  assert.match(text, /"instance":"\/nowhere\?b"/);
});

test('answers a request that would change to another protocol as if it did not', async (t) => {
  const app = await gateway(t);
  const upgrade = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk';
  const { status } = await exchange(t, app, `GET /livez HTTP/1.1\r\nhost: a\r\n${upgrade}`);
  assert.equal(status, 200);
});

test('refuses a request that names two hosts', async (t) => {
  const app = await gateway(t);
  const { status, text } = await exchange(t, app, 'GET /livez HTTP/1.1\r\nhost: a\r\nHOST: b');
  assert.equal(status, 400);
  assert.match(text, /"type":"\/problems\/bad-request"/);
});

// Without its limit a request has 60 s: Node's own bound.
const withinTheLimit = { timeout: 30_000 };

test('says nothing more to a request answered before it was there', withinTheLimit, async (t) => {
  const app = await gateway(t, { REQUEST_TIMEOUT_S: '1' });
  const head = 'PUT /livez HTTP/1.1\r\nhost: a\r\ncontent-type: application/json';
  const { status, text } = await exchange(t, app, `${head}\r\ncontent-length: 9`);
  assert.equal(status, 405);
  assert.equal(text.split('HTTP/1.1 ').length, 2, text);
});

test('a method that is not served is not allowed, whatever it is', async (t) => {
  const app = await gateway(t);
  const { status, text } = await exchange(t, app, 'QUERY /livez HTTP/1.1\r\nhost: a');
  assert.equal(status, 405);
  assert.match(text, /\r\nallow: GET, HEAD\r\n/);
});

test('answers what is not HTTP by a problem document', async (t) => {
  const app = await gateway(t);
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  socket.write('nonsense\r\n\r\n');
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(text, /"type":"\/problems\/bad-request"/);
});

test('asks for a key where keys are configured, but not for probes', async (t) => {
  const app = await gateway(t, { API_KEYS_FILE: keysFile(t, { shop: 'secret' }) });
  assert.equal((await app.inject('/readyz')).statusCode, 200);
  const refused = await app.inject('/nowhere');
  assertProblem(refused, 401, 'unauthorized');
  assert.equal(refused.headers['www-authenticate'], 'Bearer');
  const headers = { authorization: 'Bearer secret' };
  assertProblem(await app.inject({ url: '/nowhere', headers }), 404, 'not-found');
});

test('answers with security headers, whatever the answer is', async (t) => {
  const app = await gateway(t);
  for (const url of ['/livez', '/nowhere']) {
    const { headers } = await app.inject(url);
    assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(headers['origin-agent-cluster'], '?1');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.match(String(headers['strict-transport-security']), /^max-age=\d+/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-frame-options'], 'SAMEORIGIN');
    assert.equal(headers['x-xss-protection'], undefined);
  }
});

test('lets pages of the listed origins read answers, and no others', async (t) => {
  const app = await gateway(t, { CORS_ORIGINS: 'https://a.example, https://b.example' });
  const allowed = async (origin: string) =>
    (await app.inject({ url: '/livez', headers: { origin } })).headers[
      'access-control-allow-origin'
    ];
  assert.equal(await allowed('https://b.example'), 'https://b.example');
  assert.equal(await allowed('https://c.example'), undefined);
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/anything',
    headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.statusCode, 204);
});

test('a preflight needs no key', async (t) => {
  const keys = keysFile(t, { shop: 'secret' });
  const app = await gateway(t, { CORS_ORIGINS: 'https://a.example', API_KEYS_FILE: keys });
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/anything',
    headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.statusCode, 204);
});

test('limits the requests of each caller, and no probes', async (t) => {
  const app = await gateway(t, { RATE_LIMIT_PER_MINUTE: '2', TRUST_PROXY: '127.0.0.1' });
  const ask = (url: string, client: string) =>
    app.inject({ url, headers: { 'x-forwarded-for': client } });
  assert.equal((await ask('/docs/json', '192.0.2.1')).statusCode, 200);
  assert.equal((await ask('/docs/json', '192.0.2.1')).statusCode, 200);
  const limited = await ask('/docs/json', '192.0.2.1');
  assertProblem(limited, 429, 'too-many-requests');
  assert.match(String(limited.headers['retry-after']), /^\d+$/);
  assert.equal((await ask('/livez', '192.0.2.1')).statusCode, 200);
  assert.equal((await ask('/docs/json', '192.0.2.2')).statusCode, 200);
});

test('limits what is asked for in vain, and tries of keys', async (t) => {
  const keys = keysFile(t, { shop: 'secret', till: 'other' });
  const app = await gateway(t, { RATE_LIMIT_PER_MINUTE: '3', API_KEYS_FILE: keys });
  const ask = (key: string) =>
    app.inject({ url: '/nowhere', headers: { authorization: `Bearer ${key}` } });
  for (let count = 0; count < 3; count += 1) {
    assertProblem(await ask('secret'), 404, 'not-found');
    assertProblem(await ask(`guess${count}`), 401, 'unauthorized');
  }
  for (const key of ['secret', 'guess']) {
    const limited = await ask(key);
    assertProblem(limited, 429, 'too-many-requests');
    assert.match(String(limited.headers['retry-after']), /^\d+$/);
  }
  // The tries of others from its address do not concern a caller with a key.
  assertProblem(await ask('other'), 404, 'not-found');
});

test('believes nobody about addresses unless a proxy is configured', async (t) => {
  const app = await gateway(t, { RATE_LIMIT_PER_MINUTE: '1' });
  const ask = (client: string) =>
    app.inject({ url: '/docs/json', headers: { 'x-forwarded-for': client } });
  assert.equal((await ask('192.0.2.1')).statusCode, 200);
  assertProblem(await ask('192.0.2.2'), 429, 'too-many-requests');
});

test('exports metrics by route', async (t) => {
  const app = await gateway(t);
  await app.inject('/livez');
  const text = await app.metrics.metrics();
  assert.match(
    text,
    /http_request_duration_seconds_count\{.*method="GET",route="\/livez",status="200".*\} 1/,
  );
});

test('refuses what comes while it drains', async (t) => {
  const app = await gateway(t);
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const connected = once(app.server, 'connection');
  const kept = connect(Number(new URL(address).port), '127.0.0.1').setEncoding('utf8');
  const text: string[] = [];
  kept.on('data', (chunk: string) => text.push(chunk));
  // The first request was answered, of the second one the end is missing: the connection is in use.
  kept.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nhost: a\r\n');
  await connected;
  await once(kept, 'data');
  const draining = once(app.draining, 'abort');
  const closed = app.close();
  await draining;
  kept.write('\r\n');
  await once(kept, 'close');
  await closed;
  assert.match(text.join(''), /HTTP\/1\.1 503 [^]*\/problems\/draining/);
  assert.match(text.join(''), /retry-after: \d+\r\n/i);
});
