import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { environment } from './environment.ts';

/** A gateway that ends with its test. */
export async function gateway(
  t: TestContext,
  settings: Record<string, string> = {},
): Promise<FastifyInstance> {
  const app = await buildApp(readConfig({ ...environment, ...settings }));
  t.after(() => app.close());
  return app;
}

/** Asserts that an answer is a problem document, whole; `errors` are given back. */
export function assertProblem(
  response: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'json'>,
  status: number,
  slug: string,
): { pointer: string; detail: string }[] {
  const problem = response.json();
  assert.equal(`${response.statusCode} ${problem.type}`, `${status} /problems/${slug}`);
  assert.equal(
    String(response.headers['content-type']).replace(/;.*/, ''),
    'application/problem+json',
  );
  assert.equal(problem.status, status);
  for (const name of ['title', 'detail', 'instance']) assert.equal(typeof problem[name], 'string');
  return problem.errors ?? [];
}

/** What a gateway says on a connection to what begins so; all of it, where a body is missing. */
export async function exchange(
  t: TestContext,
  app: FastifyInstance,
  head: string,
): Promise<{ status: number; text: string }> {
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect(Number(new URL(address).port), '127.0.0.1').setEncoding('utf8');
  t.after(() => socket.destroy());
  socket.write(`${head}\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (!head.includes('content-length')) break;
  }
  return { status: Number(text.split(' ')[1]), text };
}
