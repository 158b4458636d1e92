import assert from 'node:assert/strict';
import { test } from 'node:test';
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
