import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { migrateUp, type Migrations } from '@app/postgres/migrations';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';

export function migrationsOf(url: string): Migrations {
  return { url, folder: join(import.meta.dirname, '../migrations'), lockTimeoutMs: 2_000 };
}

/** A service with a database of its own, by default an empty one, until its test ends. */
export async function service(
  t: TestContext,
  url: string,
  settings: Record<string, string> = {},
): Promise<FastifyInstance> {
  await migrateUp(migrationsOf(url));
  const names = {
    SERVICE_NAME: 'orders',
    LOG_LEVEL: 'silent',
    DATABASE_URL: url,
  };
  const app = await buildApp(readConfig({ ...names, ...settings }));
  t.after(() => app.close());
  return app;
}

/** Status and type of an answer that is a problem, and where its faults are. */
export function problem(response: LightMyRequestResponse): [string, string[]] {
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  const { status, type, errors = [] } = response.json();
  assert.equal(status, response.statusCode);
  const pointers = errors.map(({ pointer }: { pointer: string }) => pointer);
  return [`${status} ${type.replace('/problems/', '')}`, pointers];
}
