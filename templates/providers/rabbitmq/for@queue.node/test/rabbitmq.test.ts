import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { readEnvironment } from '@app/http/settings';
import { connect, State, type RedisClient } from '@app/state';
import { TestRedis } from '@app/state/testing';
import { Connection } from 'rabbitmq-client';
import { z } from 'zod';
import { environment, openQueue, queueName, type Queue } from '../src/queue.ts';
import { TestRabbitmq } from './rabbitmq.ts';

const limits = { result_s: 86_400, events_s: 3_600, dead_s: 604_800, events_maxlen: 1_000 };
const service = 'inference';

let redis: TestRedis;
let client: RedisClient;
let state: State;
let rabbit: TestRabbitmq;

before(async () => {
  redis = await TestRedis.start();
  client = connect(redis.url, 'test', { info() {}, warn() {} });
  await new Promise((resolve) => client.once('ready', resolve));
  state = new State(client);
  rabbit = await TestRabbitmq.absent();
});

after(async () => {
  client.destroy();
  await redis.end();
  await rabbit.end();
});

/** What a gateway opens, and what it has said. */
function open(t: TestContext, url = rabbit.url): { queue: Queue; said: string[] } {
  const said: string[] = [];
  const say = (fields: object | string, text?: string): void => {
    said.push(text ?? String(fields));
  };
  const run = (script: string, args: object): Promise<unknown> => state.run(script, args);
  const log = { info: say, warn: say };
  const queue = openQueue({ config: { AMQP_URL: url }, name: 'gateway', log, run });
  t.after(() => queue.close());
  return { queue, said };
}

/** What a gateway does with a job. */
async function accept(queue: Queue, id: string): Promise<void> {
  const job = { id, caller: 'ann', service, model: 'm', deadline_s: 60, max_live: 1_000 };
  const args = { ...job, ...queue.accepting(), limits };
  const reply = await state.run('accept', args, '{}');
  assert.ok(typeof reply === 'object' && reply !== null && 'result' in reply);
  assert.equal(reply.result, 'accepted');
  queue.publish(job, 'claim' in reply ? String(reply.claim) : undefined);
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function due(): Promise<Record<string, number>> {
  const entries = await client.zRangeWithScores('due', 0, -1);
  return Object.fromEntries(entries.map(({ value, score }) => [value, score]));
}

/** What a worker declares, and what it would take. */
async function drain(count: number): Promise<string[]> {
  const connection = new Connection(rabbit.url);
  const ids: string[] = [];
  try {
    while (ids.length < count) {
      const message = await connection.basicGet({ queue: queueName(service), noAck: true });
      if (message) ids.push(String(message.body));
    }
  } finally {
    await connection.close();
  }
  return ids;
}

async function declare(): Promise<void> {
  const connection = new Connection(rabbit.url);
  await connection.queueDeclare({
    queue: queueName(service),
    durable: true,
    arguments: { 'x-queue-type': 'quorum' },
  });
  await connection.close();
}

test('an address that is wrong is not printed: it may have a password', () => {
  const read = () => readEnvironment(z.object(environment), { AMQP_URL: 'http://app:hush@rabbit' });
  assert.throws(read, {
    message: 'configuration is not valid:\n  AMQP_URL  must be an address of RabbitMQ',
  });
});

test('without a broker jobs are accepted, and left to workers at once', async (t) => {
  await client.flushAll();
  const { queue, said } = open(t);
  await until(() => said.length > 0);
  assert.match(said[0] ?? '', /^rabbitmq: 127\.0\.0\.1:\d+ is not reached: .*ECONNREFUSED/);
  await accept(queue, 'a');
  const { a } = await due();
  assert.ok(a !== undefined && a <= Date.now() && Number.isInteger(a), `due at ${a}`);
  assert.equal(said.length, 1);
});

test('heals when the broker comes; what finds no queue is left to workers', async (t) => {
  await client.flushAll();
  const { queue, said } = open(t);
  await until(() => said.length > 0);
  await rabbit.start();
  await until(() => queue.accepting().claim_ms !== undefined);
  assert.equal(said.at(-1), 'rabbitmq: connected');
  await accept(queue, 'a');
  // The claim is given back when the broker has returned the message.
  await until(async () => Number.isInteger((await due())['a']));
});

test('what the broker has confirmed leaves the outbox', async (t) => {
  await client.flushAll();
  await declare();
  const { queue } = open(t);
  await until(() => queue.accepting().claim_ms !== undefined);
  const ids = Array.from({ length: 50 }, (_, number) => `job-${number}`);
  await Promise.all(ids.map((id) => accept(queue, id)));
  await until(async () => Object.keys(await due()).length === 0);
  assert.deepEqual((await drain(50)).sort(), ids.sort());
});

test('a retry that was planned before the confirmation stays planned', async (t) => {
  await client.flushAll();
  const { queue } = open(t);
  await until(() => queue.accepting().claim_ms !== undefined);
  await accept(queue, 'a');
  await client.zAdd('due', { score: 7, value: 'a' });
  await drain(1);
  await accept(queue, 'b');
  await until(async () => (await due())['b'] === undefined);
  assert.deepEqual(await due(), { a: 7 });
  await drain(1);
});

test('a broker that is killed loses nothing that was accepted', async (t) => {
  await client.flushAll();
  const { queue } = open(t);
  await until(() => queue.accepting().claim_ms !== undefined);
  const ids = Array.from({ length: 200 }, (_, number) => `job-${number}`);
  const half = Promise.all(ids.slice(0, 100).map((id) => accept(queue, id)));
  await rabbit.kill();
  await half;
  for (const id of ids.slice(100)) await accept(queue, id);
  await rabbit.start();
  await until(() => queue.accepting().claim_ms !== undefined);
  const waiting = Object.keys(await due());
  const confirmed = ids.filter((id) => !waiting.includes(id));
  assert.deepEqual(new Set([...waiting, ...(await drain(confirmed.length))]), new Set(ids));
});

test('an address that names no user is that of the user of a new broker', async (t) => {
  const { queue, said } = open(t, rabbit.url.replace('guest:guest@', ''));
  await until(() => said.length > 0);
  assert.deepEqual(said, ['rabbitmq: connected']);
  assert.ok(queue.accepting().claim_ms);
});

test('says what is wrong with the address and the credentials', async (t) => {
  const unknown = open(t, 'amqp://guest:guest@nowhere.invalid');
  await until(() => unknown.said.length > 0);
  assert.equal(unknown.said[0], 'rabbitmq: AMQP_URL: `nowhere.invalid` cannot be resolved');
  const refused = open(t, rabbit.url.replace('guest:guest', 'guest:wrong'));
  await until(() => refused.said.length > 0);
  assert.match(
    refused.said[0] ?? '',
    /^rabbitmq: AMQP_URL: 127.0.0.1:\d+ refuses the user `guest`/,
  );
});
