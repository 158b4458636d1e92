import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sessions, SESSION_COOKIE } from '@app/sessions/sessions';
import { issueTicket } from '@app/sessions/tickets';
import { State } from '@app/state';
import { startRedis, startService, TestClient } from './harness.ts';

const { url, redis } = await startRedis();
const state = new State(redis);
const sessions = new Sessions(state, { idle_s: 600, max_s: 600 });
const service = await startService(url);

async function headersOf(sub: string, roles: string[] = []): Promise<Record<string, string>> {
  const secret = await sessions.begin({ sub, roles, idToken: '', agent: 'test' });
  return { cookie: `${SESSION_COOKIE}=${secret}` };
}

async function open(sub: string, roles: string[] = []): Promise<TestClient> {
  return await TestClient.open(service, { headers: await headersOf(sub, roles) });
}

/** What is answered to who subscribes to a channel, and to who publishes there. */
async function answers(client: TestClient, channel: string): Promise<string[]> {
  const topic = `channels/${channel}`;
  const asked = [
    await client.ask({ op: 'subscribe', topic }),
    await client.ask({ op: 'publish', topic, data: 1 }),
  ];
  return asked.map(({ op, code }) => code ?? op);
}

const allowed = ['subscribed', 'published'];
const refused = ['forbidden', 'forbidden'];

test("what is one's own nobody else reads, and nobody else writes there", async () => {
  const [alice, bob, anybody] = [
    await open('alice'),
    await open('bob'),
    await TestClient.open(service),
  ];
  assert.deepEqual(await answers(alice, 'own.alice'), allowed);
  for (const client of [bob, anybody])
    assert.deepEqual(await answers(client, 'own.alice'), refused);
  for (const client of [alice, bob, anybody])
    assert.deepEqual(await answers(client, 'lobby'), allowed);
});

test('an API key is no person, whatever it is called', async () => {
  const keyed = await startService(url, {}, { alice: 'secret' });
  const headers = { authorization: 'Bearer secret' };
  assert.deepEqual(await answers(await TestClient.open(keyed, { headers }), 'own.alice'), refused);
});

test('nobody takes the name of another by what names of channels do not have', async () => {
  const own = 'own.auth0_7ca_5fb';
  assert.deepEqual(await answers(await open('auth0|a_b'), own), allowed);
  for (const sub of ['auth0_7ca_5fb', 'auth0|a_', '*', 'auth0.*', 'auth0']) {
    assert.deepEqual(await answers(await open(sub), own), refused, sub);
  }
});

test('it takes a role where a rule says so, also by a ticket and for a stream of events', async () => {
  assert.deepEqual(await answers(await open('ada', ['admin']), 'admin.news'), allowed);
  assert.deepEqual(await answers(await open('bob', ['other']), 'admin.news'), refused);
  const ticket = await issueTicket(state, { caller: 'user:ada', roles: ['admin'] }, 30);
  const byTicket = await TestClient.open(service, {}, ['v1', `ticket.${ticket}`]);
  assert.deepEqual(await answers(byTicket, 'admin.news'), allowed);
  const stream = `${service.url}/v1/channels/admin.news/events`;
  assert.equal((await fetch(stream, { headers: await headersOf('bob') })).status, 403);
  const controller = new AbortController();
  const headers = await headersOf('ada', ['admin']);
  assert.equal((await fetch(stream, { headers, signal: controller.signal })).status, 200);
  controller.abort();
});
