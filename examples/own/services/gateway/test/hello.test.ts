import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gateway } from './support.ts';

test('says hello to whom it is told, and else to the world', async (t) => {
  const app = await gateway(t);
  const response = await app.inject('/v1/hello?name=Ann');
  assert.equal(response.statusCode, 200);
  assert.deepEqual(response.json(), { greeting: 'Hello, Ann!' });
  assert.deepEqual((await app.inject('/v1/hello')).json(), { greeting: 'Hello, world!' });
});

test('says hello to no name that is empty or too long', async (t) => {
  const app = await gateway(t);
  for (const name of ['', 'a'.repeat(41)]) {
    const response = await app.inject(`/v1/hello?name=${name}`);
    assert.equal(response.statusCode, 422);
    assert.equal(response.json().errors[0].pointer, '/name');
  }
});
