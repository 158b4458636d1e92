import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Models } from '../src/resources/models.ts';
import { startInference } from './inference.ts';

test('asks once, also when many ask at once', async (t) => {
  const inference = await startInference(t);
  const models = new Models([{ name: 'a', url: inference.url }]);
  const found = await Promise.all([1, 2, 3].map(() => models.find('digits')));
  assert.deepEqual(new Set(found.map(({ state }) => state)), new Set(['known']));
  await models.find('digits');
  assert.equal(inference.asked.length, 1);
});

test('a model is where it is known, even if another service is unreachable', async (t) => {
  const inference = await startInference(t);
  const there = { name: 'there', url: inference.url };
  const models = new Models([{ name: 'gone', url: 'http://127.0.0.1:1' }, there]);
  const found = await models.find('digits');
  assert.ok(found.state === 'known');
  assert.equal(found.service, there);
});

test('a model may be at a service that is unreachable', async (t) => {
  const inference = await startInference(t);
  const gone = { name: 'gone', url: 'http://127.0.0.1:1' };
  const models = new Models([{ name: 'there', url: inference.url }, gone]);
  assert.deepEqual(await models.find('other'), { state: 'unreachable', service: gone });
});

test('a model that no service has is unknown', async (t) => {
  const inference = await startInference(t);
  const models = new Models([{ name: 'there', url: inference.url }]);
  assert.deepEqual(await models.find('other'), { state: 'unknown' });
});

test('after a while it asks again; meanwhile unreachable, a model stays where it was', async (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const inference = await startInference(t);
  const models = new Models([{ name: 'there', url: inference.url }]);
  assert.equal((await models.find('digits')).state, 'known');
  inference.answer = (_request, response) => response.writeHead(503).end();
  now = 29_000;
  assert.equal((await models.find('digits')).state, 'known');
  assert.equal(inference.asked.length, 1);
  now = 31_000;
  assert.equal((await models.find('digits')).state, 'known');
  assert.equal(inference.asked.length, 2);
  inference.answer = (_request, response) => response.writeHead(404).end();
  now = 62_000;
  assert.equal((await models.find('digits')).state, 'unknown');
  now = 68_000;
  await models.find('digits');
  assert.equal(inference.asked.length, 4);
});
