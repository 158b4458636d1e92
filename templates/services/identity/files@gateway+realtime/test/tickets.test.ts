import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeTicket } from '@app/sessions/tickets';
import { Browser, FakeIssuer, inSeconds, people, read, stateStore } from './people.ts';
import { assertProblem, gateway } from './support.ts';

const redis = stateStore();

test('a ticket is of the session that it is asked for in', async (t) => {
  const { app, url } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const answer = await browser.askHere(`${url}/v1/tickets`, 'POST');
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const { ticket, expires_in: seconds } = await read(answer);
  assert.equal(seconds, 30);
  const [found] = await app.sessions.list('alice');
  const expected = { caller: 'user:alice', roles: [], session: found?.id };
  assert.deepEqual(await takeTicket(app.state, ticket), expected);
  assert.equal(await takeTicket(app.state, ticket), undefined);
});

test('a ticket ends with the token that it is asked for with', async (t) => {
  const { issuer } = await FakeIssuer.start(t);
  const app = await gateway(t, { OIDC_ISSUER: issuer.url, REDIS_URL: redis.url() });
  const exp = inSeconds(60);
  const token = await issuer.sign({
    sub: 'ci',
    aud: 'https://shop.example',
    iat: inSeconds(0),
    exp,
  });
  const headers = { authorization: `Bearer ${token}` };
  const { ticket } = (await app.inject({ method: 'POST', url: '/v1/tickets', headers })).json();
  const expected = { caller: 'user:ci', roles: [], ends: exp * 1_000 };
  assert.deepEqual(await takeTicket(app.state, ticket), expected);
});

test('no page of another origin gets a ticket, nor does who is not known', async (t) => {
  const { app, url } = await people(t, redis.url());
  const browser = new Browser();
  await browser.signIn(url, 'alice');
  const headers = { origin: 'https://evil.example' };
  const answer = await browser.ask(`${url}/v1/tickets`, { method: 'POST', headers });
  assert.equal(answer.status, 403);
  assertProblem(await app.inject({ method: 'POST', url: '/v1/tickets' }), 401, 'unauthorized');
});
