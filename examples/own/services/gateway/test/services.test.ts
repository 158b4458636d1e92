import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { assertProblem, gateway } from './support.ts';

/** A gateway with a service `shop` behind it. */
async function withShop(t: TestContext, answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return await gateway(t, { API_URLS: `shop=http://127.0.0.1:${address.port}/` });
}

test('passes a request on to the service of its name, as it is', async (t) => {
  const app = await withShop(t, (request, response) => {
    const { method, url, headers } = request;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(412, { etag: '"2"', location: url });
      const sent = [headers['content-type'], headers['if-match'], headers.authorization];
      response.end(`${method} ${url} ${sent.join(' ')} ${Buffer.concat(chunks)}`);
    });
  });
  const url = '/v1/shop/items/7?a=b%20c';
  const headers = { 'content-type': 'a/b', 'if-match': '"1"', authorization: 'Bearer k' };
  const answer = await app.inject({ method: 'PUT', url, headers, payload: 'text' });
  assert.equal(answer.body, `PUT ${url} a/b "1" Bearer k text`);
  assert.equal(`${answer.statusCode} ${answer.headers.etag}`, '412 "2"');
  assert.equal(answer.headers.location, url);
  assertProblem(await app.inject('/v1/shops/items'), 404, 'not-found');
});

test('repeats what a lost connection may have changed for nobody', async (t) => {
  const asked: string[] = [];
  const app = await withShop(t, (request, response) => {
    asked.push(request.method ?? '');
    // The first two are answered; then each connection that was kept is ended without an answer.
    if (asked.length > 2 && asked.length % 2 === 1) request.socket.destroy();
    else response.end('ok');
  });
  const ask = (method: 'GET' | 'POST') => app.inject({ method, url: '/v1/shop/items' });
  for (const method of ['GET', 'POST'] as const) assert.equal((await ask(method)).body, 'ok');
  assert.equal((await ask('GET')).body, 'ok');
  assertProblem(await ask('POST'), 503, 'service-unavailable');
  assert.deepEqual(asked, ['GET', 'POST', 'GET', 'GET', 'POST']);
});

test('says so when a service does not answer', async (t) => {
  const app = await gateway(t);
  assertProblem(await app.inject('/v1/shop/items'), 503, 'service-unavailable');
});
