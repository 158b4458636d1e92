import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { migrateUp, type Migrations } from '@app/postgres/migrations';
import { TestPostgres } from '@app/postgres/testing';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import pg from 'pg';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';

/** A real server for the tests of a file, which may stop it. */
export async function startPostgres(): Promise<TestPostgres> {
  const postgres = await TestPostgres.start();
  after(() => postgres.end());
  return postgres;
}

export function migrationsOf(url: string): Migrations {
  return { url, folder: join(import.meta.dirname, '../migrations'), lockTimeoutMs: 2_000 };
}

/** The names of a table's columns, in order, each with `?` where it may be null. */
export async function columnsOf(table: string, url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS name
     FROM information_schema.columns WHERE table_name = $1`,
    [table],
  );
  await client.end();
  return rows.map(({ name }) => name).toSorted();
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

/** Waits until `check` holds. */
export async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await wait(10);
}
