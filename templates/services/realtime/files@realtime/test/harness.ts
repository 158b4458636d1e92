import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Callers } from '@app/callers';
import { connect, type RedisClient } from '@app/state';
import { WebSocket, type ClientOptions } from 'ws';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';

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

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function serverBinary(): string {
  const named = process.env['VALKEY_SERVER'];
  if (named) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = ['valkey-server', 'redis-server'].flatMap((name) =>
    folders.map((folder) => join(folder, name)),
  );
  const found = candidates.find((path) => existsSync(path));
  assert.ok(
    found,
    'these tests need a real server: set VALKEY_SERVER to a valkey-server, or put one on PATH',
  );
  return found;
}

/** A real server of a test file's own, which may be stopped and started. */
export class RedisServer {
  readonly url: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'realtime-'));
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.#port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const args = [
      '--port',
      String(this.#port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.#folder,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ];
    const child = spawn(serverBinary(), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    after(async () => {
      await this.stop();
      rmSync(this.#folder, { recursive: true, force: true });
    });
    let log = '';
    child.stdout.on('data', (chunk) => (log += String(chunk)));
    await until(() => {
      assert.equal(child.exitCode, null, log);
      return /ready to accept connections/i.test(log);
    }, 'the server');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** A Redis of this test file's own, or that of TEST_REDIS_URL, and a client. */
export async function startRedis(): Promise<{ url: string; redis: RedisClient }> {
  const given = process.env['TEST_REDIS_URL'];
  const server = given ? undefined : new RedisServer(await freePort());
  await server?.start();
  const url = given ?? server?.url ?? '';
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
  callers = new Callers(),
): Promise<Service> {
  const config = readConfig({ SERVICE_NAME: 'live', REDIS_URL: redisUrl, ...environment });
  const app = await buildApp(config, callers);
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
