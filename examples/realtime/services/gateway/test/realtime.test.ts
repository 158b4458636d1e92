import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { test, type TestContext } from 'node:test';
import { keysFile } from '@app/http/testing';
import { WebSocket, WebSocketServer } from 'ws';
import { assertProblem, exchange, gateway } from './support.ts';

/** A realtime service of a few lines: it echoes, and streams one event. */
async function realtime(t: TestContext): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${request.url} ${request.headers['last-event-id']}\n\n`);
  });
  const sockets = new WebSocketServer({ noServer: true });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(String(data)));
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.headers.origin === 'https://evil.example') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
    } else {
      sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { server, url: `http://127.0.0.1:${address.port}` };
}

test('passes a WebSocket on, with its subprotocol and messages', async (t) => {
  const { url } = await realtime(t);
  const app = await gateway(t, { REALTIME_URL: url });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = new WebSocket(`${address.replace('http', 'ws')}/v1/ws?a=b`, ['v1']);
  await once(socket, 'open');
  assert.equal(socket.protocol, 'v1');
  const large = 'x'.repeat(200_000);
  socket.send(large);
  const [message] = await once(socket, 'message');
  assert.equal(String(message), large);
  socket.close(1000);
  const [code] = await once(socket, 'close');
  assert.equal(code, 1000);
});

test('a refusal of realtime arrives as it is', async (t) => {
  const { url } = await realtime(t);
  const app = await gateway(t, { REALTIME_URL: url });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = new WebSocket(`${address}/v1/ws`, { origin: 'https://evil.example' });
  const [error] = await once(socket, 'error');
  assert.match(String(error), /403/);
});

test('says so when realtime is not there, or nothing is', async (t) => {
  const app = await gateway(t);
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const statusOf = async (path: string) => {
    const socket = new WebSocket(`${address}${path}`);
    const error = await once(socket, 'open').catch((reason: unknown) => reason);
    return String(error).replace(/.*: /, '');
  };
  assert.equal(await statusOf('/v1/ws'), '503');
  assert.equal(await statusOf('/v1/other'), '404');
  const response = await app.inject('/v1/channels/a/events');
  assertProblem(response, 503, 'realtime-unavailable');
});

test('limits attempts to open a WebSocket, by caller', async (t) => {
  const { url } = await realtime(t);
  const app = await gateway(t, {
    REALTIME_URL: url,
    RATE_LIMIT_PER_MINUTE: '2',
    API_KEYS_FILE: keysFile(t, { shop: 'secret' }),
  });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const opened = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const socket = new WebSocket(`${address}/v1/ws`, { headers });
    const result = await once(socket, 'open').catch((reason: unknown) => reason);
    return result instanceof Error ? result.message.replace(/.*: /, '') : 'open';
  };
  for (let count = 0; count < 2; count += 1) assert.equal(await opened(`guess${count}`), 'open');
  assert.equal(await opened('guess'), '429');
  assert.equal(await opened('secret'), 'open');
});

test('believes a trusted proxy, and nobody else, whose attempt it is', async (t) => {
  const { url } = await realtime(t);
  const limits = { REALTIME_URL: url, RATE_LIMIT_PER_MINUTE: '1' };
  const opened = async (environment: Record<string, string>) => {
    const app = await gateway(t, { ...limits, ...environment });
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    const results: string[] = [];
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.2']) {
      const socket = new WebSocket(`${address}/v1/ws`, { headers: { 'x-forwarded-for': client } });
      const result = await once(socket, 'open').catch((reason: unknown) => reason);
      results.push(result instanceof Error ? result.message.replace(/.*: /, '') : 'open');
    }
    return results;
  };
  assert.deepEqual(await opened({ TRUST_PROXY: '127.0.0.1' }), ['open', 'open', '429']);
  assert.deepEqual(await opened({}), ['open', '429', '429']);
});

test('an event stream is asked for by path, whatever form the target has', async (t) => {
  const { url } = await realtime(t);
  const app = await gateway(t, { REALTIME_URL: url });
  const target = 'GET http://a/v1/channels/a/events?after=1-0 HTTP/1.1';
  const { status, text } = await exchange(t, app, `${target}\r\nhost: a\r\nupgrade: h2c`);
  assert.equal(status, 200);
  assert.match(text, /content-type: text\/event-stream/);
});

test('a WebSocket is asked for by path and by one host as well', async (t) => {
  const { url } = await realtime(t);
  const ask = async (head: string) =>
    exchange(t, await gateway(t, { REALTIME_URL: url }), `${head}\r\n${upgrade}`);
  const upgrade = [
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  ].join('\r\n');
  const target = 'GET http://a/v1/ws HTTP/1.1\r\nhost: a';
  assert.equal((await ask(target)).status, 101);
  const { status, text } = await ask(`${target}\r\nHOST: b`);
  assert.equal(status, 400);
  assert.match(text, /"type":"\/problems\/bad-request"/);
});

test('refuses positions that are none, and says where they stand', async (t) => {
  const app = await gateway(t);
  const url = '/v1/channels/a/events';
  const [after] = assertProblem(await app.inject(`${url}?after=soon`), 422, 'invalid-query');
  assert.equal(after?.pointer, '/after');
  const headers = { 'last-event-id': 'soon' };
  const [id] = assertProblem(await app.inject({ url, headers }), 422, 'invalid-header');
  assert.equal(id?.pointer, '/last-event-id');
});

test('closes sockets with 1012 when it drains', async (t) => {
  const { url } = await realtime(t);
  const app = await gateway(t, { REALTIME_URL: url });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const sockets = Array.from({ length: 20 }, () => new WebSocket(`${address}/v1/ws`));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
  await app.close();
  assert.deepEqual(new Set((await closed).map(([code]) => code)), new Set([1012]));
});

test('passes events on as they come, and ends them when it drains', async (t) => {
  const { url } = await realtime(t);
  const app = await gateway(t, { REALTIME_URL: url, HANDLER_TIMEOUT_S: '1' });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const response = await fetch(`${address}/v1/channels/a%20b/events?x=1`, {
    headers: { 'last-event-id': '1-0' },
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.ok(response.body);
  const reader = response.body.getReader();
  const { value } = await reader.read();
  const text = new TextDecoder().decode(value);
  assert.equal(text, 'data: /v1/channels/a%20b/events?x=1 1-0\n\n');
  const ended = reader.read().then(
    ({ done }) => done,
    () => true,
  );
  await app.close();
  assert.equal(await ended, true);
});

test('a client that leaves ends the stream behind', async (t) => {
  const { server, url } = await realtime(t);
  const app = await gateway(t, { REALTIME_URL: url });
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const asked = once(server, 'request');
  const leaving = new AbortController();
  const response = await fetch(`${address}/v1/channels/a/events`, { signal: leaving.signal });
  const [, behind] = await asked;
  const closed = once(behind, 'close');
  leaving.abort();
  await response.text().catch(() => undefined);
  await closed;
});
