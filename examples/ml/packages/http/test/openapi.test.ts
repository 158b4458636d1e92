import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { header, openapiOptions } from '../src/openapi.ts';
import { createServer } from '../src/server.ts';
import { readEnvironment, serverSettings } from '../src/settings.ts';

const schema = z.object(serverSettings('service', 1, 2));
const config = readEnvironment(schema, { SERVICE_NAME: 'service', LOG_LEVEL: 'silent' });
const info = { title: 'service', version: '1' };

test('an operation gets what is known of it, and links to operations that are there', () => {
  const app = createServer(config);
  const { transformObject } = openapiOptions(app, config);
  const location = header('Where it is.');
  const openapi = { responses: { 201: { headers: { Location: location } } } };
  app.post('/a/:id', { config: { openapi } }, () => null);

  const to = (operationId: string) => ({ operationId, parameters: {} });
  const answer = { description: 'made', links: { read: to('read'), follow: to('follow') } };
  const paths = {
    '/a/{id}': {
      get: { operationId: 'read', responses: {} },
      post: { responses: { 201: answer, 429: { description: 'too many' } } },
    },
  };
  const complete = transformObject({ openapiObject: { openapi: '3.1.0', info, paths } });
  assert.deepEqual(complete.paths?.['/a/{id}']?.post?.responses, {
    201: { description: 'made', links: { read: to('read') }, headers: { Location: location } },
    429: {
      description: 'too many',
      headers: { 'Retry-After': header('After so many seconds it may be tried again.') },
    },
  });
});

test('of schemas there are those that something refers to', () => {
  const { transformObject } = openapiOptions(createServer(config), config);
  const to = (name: string) => ({ $ref: `#/components/schemas/${name}` });
  const content = { 'application/json': { schema: to('Chair') } };
  const schemas = { Chair: { properties: { legs: to('Leg') } }, ChairInput: {}, Leg: {} };
  const document = transformObject({
    openapiObject: {
      openapi: '3.1.0',
      info,
      components: { schemas },
      paths: { '/a': { get: { responses: { 200: { description: 'a chair', content } } } } },
    },
  });
  assert.ok('components' in document);
  assert.deepEqual(Object.keys(document.components?.schemas ?? {}), ['Chair', 'Leg']);
});
