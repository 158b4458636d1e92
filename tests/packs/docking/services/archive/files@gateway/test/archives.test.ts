import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { assertProblem, gateway } from './support.ts';

test('passes a file on to the archive of this name, and says who calls', async (t) => {
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.end(`${method} ${url} ${headers['x-caller']} ${Buffer.concat(chunks)}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const app = await gateway(t, { ARCHIVE_URLS: `cold=http://127.0.0.1:${address.port}/` });
  const url = '/v1/archives/cold/files/a.json?model=digits';
  const headers = { 'x-caller': 'somebody else' };
  const answer = await app.inject({ method: 'PUT', url, headers, payload: 'text' });
  assert.equal(answer.body, 'PUT /v1/files/a.json?model=digits 127.0.0.1 text');
  assertProblem(await app.inject('/v1/archives/archive/files/a'), 404, 'unknown-archive');
});

test('says so when an archive does not answer', async (t) => {
  const app = await gateway(t);
  assertProblem(await app.inject('/v1/archives/archive/files/a'), 503, 'archive-unavailable');
});
