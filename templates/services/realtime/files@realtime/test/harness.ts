import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { keysFile } from '@app/http/testing';
import { connect, type RedisClient } from '@app/state';
import { TestRedis } from '@app/state/testing';
import { WebSocket, type ClientOptions } from 'ws';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';

export const defaults = { SERVICE_NAME: 'live', LOG_LEVEL: 'silent' };

export const quiet = { info: (): void => {}, warn: (): void => {} };

/** Waits until `check` gives something. */
export async function until<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
    await wait(5);
  }
}

/** A real server of a test file's own, which may be stopped and started, and keeps what it holds. */
export async function redisServer(): Promise<TestRedis> {
  const server = await TestRedis.absent({ appendonly: 'yes', appendfsync: 'always' });
  after(() => server.end());
  return server;
}

/** A Redis of this test file's own, and a client. */
export async function startRedis(): Promise<{ url: string; redis: RedisClient }> {
  const server = await redisServer();
  await server.start();
  const { url } = server;
  const redis = connect(url, 'test', quiet);
  await until(() => redis.isReady, 'Redis');
  after(() => redis.destroy());
  return { url, redis };
}

export interface Service {
  /** `http://127.0.0.1:port` */
  url: string;
  close(): Promise<void>;
}

/** A replica in this process until the test ends, with short times where a test gives them. */
export async function startService(
  redisUrl: string,
  environment: Record<string, string> = {},
  keys?: Record<string, string>,
): Promise<Service> {
  const config = readConfig({
    ...defaults,
    REDIS_URL: redisUrl,
    ...(keys && { API_KEYS_FILE: keysFile({ after }, keys) }),
    ...environment,
  });
  const app = await buildApp(config);
  after(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url, close: () => app.close() };
}

export interface Message {
  op: string;
  ref?: string | number;
  topic?: string;
  id?: string | null;
  type?: string;
  data?: unknown;
  code?: string;
  detail?: string;
  after?: string;
  member?: string;
}

/** A client that keeps all it was told. */
export class TestClient {
  readonly ws: WebSocket;
  readonly messages: Message[] = [];
  /** What was sent and received so far, without the frames around it. */
  readonly bytes = { sent: 0, received: 0 };
  readonly closed: Promise<{ code: number; reason: string }>;
  #ref = 0;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => {
      const text = data.toString();
      this.bytes.received += Buffer.byteLength(text);
      this.messages.push(JSON.parse(text));
    });
    ws.on('error', () => {});
    this.closed = new Promise((resolve) =>
      ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  static async open(
    service: Service,
    options: ClientOptions = {},
    protocols: string[] = [],
  ): Promise<TestClient> {
    const ws = new WebSocket(`${service.url.replace('http', 'ws')}/v1/ws`, protocols, options);
    const client = new TestClient(ws);
    await once(ws, 'open');
    return client;
  }

  async ask(request: object): Promise<Message> {
    const ref = (this.#ref += 1);
    const text = JSON.stringify({ ...request, ref });
    this.bytes.sent += Buffer.byteLength(text);
    this.ws.send(text);
    return await until(
      () => this.messages.find((message) => message.ref === ref),
      `an answer to ${JSON.stringify(request)}`,
    );
  }

  async subscribe(topic: string, from?: string): Promise<Message> {
    const answer = await this.ask({ op: 'subscribe', topic, after: from });
    assert.equal(answer.op, 'subscribed', JSON.stringify(answer));
    return answer;
  }

  /** What came from the stream of a topic, and gaps. */
  events(topic: string): Message[] {
    return this.messages.filter(
      (message) => message.op === 'event' && message.topic === topic && message.type !== 'presence',
    );
  }

  data(topic: string): unknown[] {
    return this.events(topic).map((message) => message.data);
  }

  presence(topic: string): Message[] {
    return this.messages.filter(
      (message) => message.topic === topic && message.type === 'presence',
    );
  }

  async receives(topic: string, count: number): Promise<Message[]> {
    await until(() => this.events(topic).length >= count, `${count} events of ${topic}`);
    return this.events(topic);
  }
}

/** Appends to a channel as another replica would; without a hint where `hint` is false. */
export async function append(
  redis: RedisClient,
  channel: string,
  data: unknown,
  hint = true,
): Promise<string> {
  const id = await redis.xAdd(`channel:${channel}`, '*', {
    type: 'message',
    data: JSON.stringify(data),
  });
  if (hint) await redis.publish(`hint:channels/${channel}`, id);
  return id;
}

/** The status with which an upgrade is refused. */
export async function refusal(
  service: Service,
  options: ClientOptions = {},
  path = '/v1/ws',
): Promise<number | undefined> {
  const ws = new WebSocket(`${service.url.replace('http', 'ws')}${path}`, [], options);
  ws.on('error', () => {});
  const [, response] = await once(ws, 'unexpected-response');
  return response.statusCode;
}
