import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysFile } from '@app/http/testing';
import { startPostgres } from '@app/postgres/testing';
import type { LightMyRequestResponse } from 'fastify';
import pg from 'pg';
import { problem, service } from './support.ts';

const postgres = await startPostgres();
const url = '/v1/orders/items';
const post = (payload: object, headers = {}) =>
  ({ method: 'POST', url, payload, headers }) as const;

test('an item is made, read, replaced and deleted', async (t) => {
  const app = await service(t, postgres.url());
  const made = await app.inject(post({ name: 'Chair', attributes: { legs: 4, used: false } }));
  assert.deepEqual([made.statusCode, made.headers.etag], [201, '"1"']);
  const item = made.json();
  const at = `${url}/${item.id}`;
  assert.equal(made.headers.location, at);
  assert.match(item.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual((await app.inject(at)).json(), item);

  const content = { name: 'Stool', attributes: { legs: 3 } };
  const headers = { 'if-match': '"1"' };
  const put = await app.inject({ method: 'PUT', url: at, headers, payload: content });
  assert.deepEqual([put.statusCode, put.headers.etag], [200, '"2"']);
  const { updated_at } = put.json();
  assert.deepEqual(put.json(), { ...item, ...content, version: 2, updated_at });

  assert.equal((await app.inject({ method: 'DELETE', url: at })).statusCode, 204);
  assert.deepEqual(problem(await app.inject({ method: 'DELETE', url: at })), ['404 not-found', []]);
});

test('who has read another version changes nothing', async (t) => {
  const app = await service(t, postgres.url());
  const at = (await app.inject(post({ name: 'Chair' }))).headers.location ?? '';
  const read = await app.inject({ url: at, headers: { 'if-none-match': 'W/"1", "7"' } });
  assert.deepEqual([read.statusCode, read.body], [304, '']);
  for (const [method, match, expected] of [
    ['PUT', undefined, '428 precondition-required'],
    ['PUT', '"2", W/"1"', '412 version-moved'],
    ['PUT', '1', '412 version-moved'],
    ['DELETE', '"2"', '412 version-moved'],
  ] as const) {
    const headers = match ? { 'if-match': match } : {};
    const refused = await app.inject({ method, url: at, headers, payload: { name: 'Stool' } });
    assert.equal(problem(refused)[0], expected);
  }
  const any = { url: at, headers: { 'if-match': '*' }, payload: { name: 'Stool' } };
  assert.equal((await app.inject({ method: 'PUT', ...any })).json().version, 2);
  await app.inject(post({ name: 'Chair' }));
  const taken = await app.inject({ method: 'PUT', ...any, payload: { name: 'Chair' } });
  assert.deepEqual(problem(taken), ['409 name-taken', ['/name']]);
});

test('a request that is sent again with its key makes nothing, also at the same time', async (t) => {
  const app = await service(t, postgres.url());
  const key = { 'idempotency-key': 'a' };
  const chair = post({ name: 'Chair', attributes: { a: 1, b: 2 } }, key);
  const both = await Promise.all([app.inject(chair), app.inject(chair), app.inject(chair)]);
  assert.deepEqual(new Set(both.map((answer) => `${answer.statusCode} ${answer.body}`)).size, 1);
  const again = await app.inject(post({ attributes: { b: 2, a: 1 }, name: 'Chair' }, key));
  assert.deepEqual([again.statusCode, again.json()], [201, both[0].json()]);
  assert.equal((await app.inject(url)).json().items.length, 1);
  const other = await app.inject(post({ name: 'Stool' }, key));
  assert.deepEqual(problem(other), ['422 idempotency-key-reused', []]);
});

test('pages have each item once, the newest first, while others are made', async (t) => {
  const address = postgres.url();
  const app = await service(t, address);
  for (const name of ['A%', 'b', 'A_', 'A', 'AA']) await app.inject(post({ name }));
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  // All of them in about a millisecond, which is as exactly as times are told.
  const past = "date_trunc('hour', now()) - interval '1 hour'";
  await client.query(`UPDATE items SET created_at = ${past} + (created_at - (${past})) / 100`);
  await client.end();
  const names: string[] = [];
  let next: string | undefined = `${url}?limit=2&name=A`;
  while (next) {
    const page: LightMyRequestResponse = await app.inject(next);
    names.push(...page.json().items.map(({ name }: { name: string }) => name));
    next = /^<(.*)>; rel="next"$/.exec(String(page.headers.link))?.[1];
    await app.inject(post({ name: `A${names.length}` }));
  }
  assert.deepEqual(names, ['AA', 'A', 'A_', 'A%']);
  assert.equal((await app.inject(`${url}?name=A%25`)).json().items.length, 1);
});

test('an owner sees its own items alone', async (t) => {
  const API_KEYS_FILE = keysFile(t, { ann: 'secret-a', bob: 'secret-b' });
  const app = await service(t, postgres.url(), { API_KEYS_FILE });
  const [ann, bob] = ['secret-a', 'secret-b'].map((key) => ({ authorization: `Bearer ${key}` }));
  const made = await app.inject(post({ name: 'Chair' }, ann));
  assert.equal(made.json().owner, 'ann');
  const foreign = await app.inject({ url: made.headers.location ?? '', headers: { ...bob } });
  assert.deepEqual(problem(foreign), ['404 not-found', []]);
  assert.equal((await app.inject(post({ name: 'Chair' }, bob))).statusCode, 201);
  assert.deepEqual(problem(await app.inject(url)), ['401 unauthorized', []]);
  assert.equal((await app.inject('/v1/orders/openapi.json')).json().openapi, '3.1.0');
});

test('what is wrong with a request is told, all of it', async (t) => {
  const app = await service(t, postgres.url());
  await app.inject(post({ name: 'Chair' }));
  const json = { 'content-type': 'application/json' };
  const text = '{"name": "\\u0007", "attributes": {"a": "\\ud800", "b/c": [], "d": 1e999}, "x": 1}';
  const pointers = ['/name', '/attributes/b~1c', '/attributes/d', '/x', '/attributes/a'];
  for (const [request, ...expected] of [
    [{ ...post({}, json), payload: text }, '422 invalid-body', pointers],
    [post({ name: '😀'.repeat(201) }), '422 invalid-body', ['/name']],
    [post({ name: 'Chair' }), '409 name-taken', ['/name']],
    [post({ name: 'a' }, { 'idempotency-key': ' é' }), '422 invalid-header', ['/idempotency-key']],
    [{ ...post({}, json), payload: '{' }, '400 bad-request', []],
    [post({ name: 'a'.repeat(1_048_576) }), '413 body-too-large', []],
    [{ method: 'POST', url }, '415 unsupported-media-type', []],
    [{ ...post({}), payload: 'name=x' }, '415 unsupported-media-type', []],
    [{ url: `${url}?limit=0&cursor=abc` }, '422 invalid-query', ['/limit', '/cursor']],
    [{ url: `${url}/chair` }, '404 not-found', []],
    [{ url: `${url}/${'a'.repeat(1_000)}` }, '404 not-found', []],
    [{ ...post({}, json), method: 'PATCH', payload: '{' }, '405 method-not-allowed', []],
  ] as const) {
    assert.deepEqual(problem(await app.inject(request)), expected);
  }
});
