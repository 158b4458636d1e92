import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ENDED, Sessions, SESSION_COOKIE } from '@app/sessions/sessions';
import { issueTicket, type Ticket } from '@app/sessions/tickets';
import { State } from '@app/state';
import { refusal, startRedis, startService, TestClient, until } from './harness.ts';

const { url, redis } = await startRedis();
const state = new State(redis);
const sessions = new Sessions(state, { idle_s: 600, max_s: 600 });
const keys = { ci: 'secret' };

/** A person who is signed in, and what her browser sends. */
async function signIn(sub: string) {
  const secret = await sessions.begin({ sub, roles: [], idToken: '', agent: 'test' });
  const found = await sessions.find(secret);
  assert.ok(found);
  return { found, headers: { cookie: `theme=dark; ${SESSION_COOKIE}=${secret}` } };
}

const ticketFor = async (ticket: Ticket) => `ticket.${await issueTicket(state, ticket, 30)}`;

/** What a channel says of who has come in. */
async function callerOf(client: TestClient): Promise<unknown> {
  await client.subscribe('channels/who');
  await until(() => client.presence('channels/who').length > 0, 'the members');
  const [first] = client.presence('channels/who');
  const data = first?.data as { members: { caller: string | null }[] } | undefined;
  return data?.members.at(-1)?.caller;
}

test('a socket that a browser opens is of who is signed in, and ends with the session', async () => {
  const service = await startService(url, {}, keys);
  const { found, headers } = await signIn('alice');
  const client = await TestClient.open(service, { headers });
  assert.equal(await callerOf(client), 'user:alice');
  const ended = performance.now();
  await sessions.end(found);
  assert.deepEqual(await client.closed, { code: 1008, reason: 'signed out' });
  // It was told: nobody has had to look.
  assert.ok(performance.now() - ended < 3_000);
  assert.equal(await refusal(service, { headers }), 401);
});

test('who says in a request who calls is not taken for who is signed in', async () => {
  const service = await startService(url, {}, keys);
  const { headers } = await signIn('alice');
  const withKey = { headers: { ...headers, authorization: `Bearer ${keys.ci}` } };
  assert.equal(await callerOf(await TestClient.open(service, withKey)), 'ci');
  const wrong = { headers: { ...headers, authorization: 'Bearer wrong' } };
  assert.equal(await refusal(service, wrong), 401);
});

test('a socket ends with its session also where nobody has told of that', async () => {
  const service = await startService(url, {}, keys);
  const { found, headers } = await signIn('alice');
  const client = await TestClient.open(service, { headers });
  await redis.del(`session:${found.id}`);
  assert.equal((await client.closed).code, 1008);
});

test('that a session has ended is told at once', async () => {
  const { found } = await signIn('alice');
  const subscriber = redis.duplicate();
  await subscriber.connect();
  after(() => subscriber.destroy());
  const { promise: told, resolve } = Promise.withResolvers<string>();
  await subscriber.subscribe(ENDED, resolve);
  await sessions.end(found);
  assert.equal(await told, found.id);
});

test('sockets of other sessions stay', async () => {
  const service = await startService(url, {}, keys);
  const [first, second] = [await signIn('alice'), await signIn('alice')];
  const left = await TestClient.open(service, { headers: first.headers });
  const stays = await TestClient.open(service, { headers: second.headers });
  await sessions.end(first.found);
  await left.closed;
  assert.equal((await stays.subscribe('channels/still')).op, 'subscribed');
});

test('a stream of events ends with the session', async () => {
  const service = await startService(url, {}, keys);
  const { found, headers } = await signIn('bob');
  const stream = await fetch(`${service.url}/v1/channels/told/events`, { headers });
  assert.equal(stream.status, 200);
  await sessions.end(found);
  assert.match(await stream.text(), /^retry: /);
  const again = await fetch(`${service.url}/v1/channels/told/events`, { headers });
  assert.equal(again.status, 401);
});

test('a ticket opens one socket, and no second one', async () => {
  const service = await startService(url, {}, keys);
  const ticket = await ticketFor({ caller: 'user:alice' });
  const client = await TestClient.open(service, {}, ['v1', ticket]);
  assert.equal(client.ws.protocol, 'v1');
  assert.equal(await callerOf(client), 'user:alice');
  const headers = { 'sec-websocket-protocol': `v1, ${ticket}` };
  assert.equal(await refusal(service, { headers }), 401);
});

test('a ticket that nobody has issued opens nothing, even where no keys are needed', async () => {
  const service = await startService(url);
  const headers = { 'sec-websocket-protocol': `v1, ticket.${'x'.repeat(43)}` };
  assert.equal(await refusal(service, { headers }), 401);
});

test('what a ticket has opened ends with the session that it was asked for in', async () => {
  const service = await startService(url, {}, keys);
  const { found } = await signIn('bob');
  const ticket = await ticketFor({ caller: 'user:bob', session: found.id });
  const client = await TestClient.open(service, {}, ['v1', ticket]);
  await sessions.endAll('bob');
  assert.equal((await client.closed).code, 1008);
});

test('what a ticket has opened ends with the token that it was asked for with', async () => {
  const service = await startService(url, {}, keys);
  const ticket = await ticketFor({ caller: 'user:ci', ends: Date.now() + 300 });
  const client = await TestClient.open(service, {}, ['v1', ticket]);
  assert.equal((await client.closed).code, 1008);
});

test('a ticket of a session that has ended meanwhile is of no use', async () => {
  const service = await startService(url, {}, keys);
  const { found } = await signIn('alice');
  const ticket = await ticketFor({ caller: 'user:alice', session: found.id });
  await sessions.end(found);
  const headers = { 'sec-websocket-protocol': `v1, ${ticket}` };
  assert.equal(await refusal(service, { headers }), 401);
});

test('a ticket of a token that has ended meanwhile is of no use', async () => {
  const service = await startService(url, {}, keys);
  const ticket = await ticketFor({ caller: 'user:ci', roles: ['admin'], ends: Date.now() - 1 });
  const headers = { 'sec-websocket-protocol': `v1, ${ticket}` };
  assert.equal(await refusal(service, { headers }), 401);
});

test('a socket ends when who has opened it has other roles', async () => {
  const service = await startService(url, {}, keys);
  const { found, headers } = await signIn('alice');
  const client = await TestClient.open(service, { headers });
  await sessions.update({ ...found, session: { ...found.session, roles: ['admin'] } });
  assert.equal((await client.closed).code, 1008);
});

test('programs come in by their API keys as before', async () => {
  const service = await startService(url, {}, keys);
  const headers = { authorization: 'Bearer secret' };
  const client = await TestClient.open(service, { headers });
  assert.equal(await callerOf(client), 'ci');
});
