import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, type Problem } from '@app/api';
import { keysFile } from '@app/http/testing';
import { gateway } from './support.ts';

test('the typed client gets what is documented', async (t) => {
  const app = await gateway(t);
  const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' });
  const { data, error } = await createClient({ baseUrl }).GET('/livez');
  const known: ['ok' | undefined, Problem | undefined] = [data?.status, error];
  assert.deepEqual(known, ['ok', undefined]);
});

test('the typed client says who calls, and knows which paths there are', async (t) => {
  const app = await gateway(t, { API_KEYS_FILE: keysFile(t, { shop: 'secret' }) });
  const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' });
  const clients = [createClient({ baseUrl }), createClient({ baseUrl, key: 'secret' })];
  const statuses = clients.map(async (client) => {
    // @ts-expect-error: no document has this path.
    const { response } = await client.GET('/v1/nothing');
    return response.status;
  });
  assert.deepEqual(await Promise.all(statuses), [401, 404]);
});
