import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completePaths, header, operationKey } from '../src/plugins/docs.ts';
import { gateway } from './support.ts';

test('every operation says how it fails, and when to try again', async (t) => {
  const app = await gateway(t);
  const { paths } = (await app.inject('/docs/json')).json();
  for (const [path, methods] of Object.entries<Record<string, { responses: object }>>(paths)) {
    for (const { responses } of Object.values(methods)) {
      const answers = new Map<string, { content: object; headers?: object }>(
        Object.entries(responses),
      );
      for (const status of ['400', '401', '429', '500', '503']) {
        const content = answers.get(status)?.content ?? {};
        assert.deepEqual(Object.keys(content), ['application/problem+json'], `${path} ${status}`);
      }
      assert.deepEqual(Object.keys(answers.get('429')?.headers ?? {}), ['Retry-After'], path);
    }
  }
});

test('an operation gets what is known of it, and links to operations that are there', () => {
  const to = (operationId: string) => ({ operationId, parameters: {} });
  const answer = { description: 'made', links: { read: to('read'), follow: to('follow') } };
  const paths = {
    '/a/{id}': {
      get: { operationId: 'read', responses: {} },
      post: { responses: { 201: answer } },
    },
  };
  const location = header('Where it is.');
  const known = { responses: { 201: { headers: { Location: location } } } };
  const complete = completePaths(paths, new Map([[operationKey('POST', '/a/:id'), known]]));
  assert.deepEqual(complete['/a/{id}']?.['post']?.responses, {
    201: { description: 'made', links: { read: to('read') }, headers: { Location: location } },
  });
});
