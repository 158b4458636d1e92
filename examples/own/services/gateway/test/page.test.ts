import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysFile } from '@app/http/testing';
import { assertProblem, gateway } from './support.ts';

test('serves the page, also where keys are configured', async (t) => {
  const app = await gateway(t, { API_KEYS_FILE: keysFile(t, { shop: 'secret' }) });
  const response = await app.inject('/');
  assert.equal(response.statusCode, 200);
  assert.match(String(response.headers['content-type']), /^text\/html/);
  const files = [...response.body.matchAll(/(?:src|href)="([\w.]+)"/g)].map(
    ([, file = '']) => file,
  );
  assert.ok(files.length >= 3);
  for (const file of files) assert.equal((await app.inject(`/${file}`)).statusCode, 200, file);
});

test('lets the page use its own origin and nothing inline', async (t) => {
  const app = await gateway(t);
  const policy = String((await app.inject('/')).headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*|data:/);
  const answer = String((await app.inject('/livez')).headers['content-security-policy']);
  assert.doesNotMatch(answer, /self/);
});

test('has no file that the page does not consist of', async (t) => {
  const app = await gateway(t);
  for (const url of ['/package.json', '/../package.json', '/%2e%2e/package.json', '/web/app.js']) {
    assertProblem(await app.inject(url), 404, 'not-found');
  }
});
