import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractsDir } from '@app/contracts';
import { createClient, ErrorReply } from '@redis/client';
import { z } from 'zod';

/** What a service has to be told to find it. */
export const stateSettings = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be an address of Redis' })
    .meta({ example: 'redis://localhost:6379', secret: true }),
};

export interface Log {
  info(message: string): void;
  warn(fields: object, message: string): void;
}

/** Options as their own object, so that its type is the client's type. */
function options(url: string, name: string, emitInvalidate: boolean) {
  return {
    url,
    name,
    // What cannot be sent now fails now; whoever waits decides whether to repeat it.
    disableOfflineQueue: true,
    // Whoever asks has a patience of its own: another timer for each command would only cost.
    commandOptions: { timeout: 0 },
    // A server that hangs keeps its sockets open: without pings nobody would notice.
    pingInterval: 2_000,
    socket: {
      connectTimeout: 2_000,
      socketTimeout: 5_000,
      reconnectStrategy: () => 100 + Math.random() * 900,
    },
    emitInvalidate,
  };
}

export type RedisClient = ReturnType<typeof createRedisClient>;

function createRedisClient(url: string, name: string, tracked = false) {
  return createClient(options(url, name, tracked));
}

/**
 * A client that is usable at once: it connects in the background for as long as it takes, and
 * again whenever the connection is lost. Meanwhile commands are refused.
 *
 * One that is `tracked` hears when a key changes that it has read: see `Kept`.
 */
export function connect(url: string, name: string, log: Log, tracked = false): RedisClient {
  const client = createRedisClient(url, name, tracked);
  let lost: string | undefined;
  client.on('error', (error: Error) => {
    // Said once and not for each of the attempts that follow.
    if (lost === undefined) log.warn({ err: error }, `redis: ${name} is not connected`);
    lost = error.message;
  });
  client.on('ready', () => {
    lost = undefined;
    log.info(`redis: ${name} is connected`);
  });
  client.connect().catch((error: unknown) => {
    // Only a client that was closed while it connected comes here.
    if (client.isOpen) log.warn({ err: error }, `redis: ${name} gave up`);
  });
  return client;
}

/** Waits a moment for a connection that is about to be made: nobody is refused for it who comes first. */
export async function connected(client: RedisClient): Promise<void> {
  if (client.isReady) return;
  await once(client, 'ready', { signal: AbortSignal.timeout(1_000) }).catch(ignored);
}

/** How long a command may take before its caller is told that the state store is unavailable. */
const PATIENCE_MS = 2_000;

/** Replies that speak of the server's condition and not of the command. */
const CONDITION = /^(OOM|LOADING|MISCONF|READONLY|MASTERDOWN|NOREPLICAS|BUSY|CLUSTERDOWN)\b/;

/** Redis was not reached, not in time, or cannot write now. A command may have run or not. */
export class StateUnavailable extends Error {}

/** Redis, its scripts, and a bound on waiting for it. */
export class State {
  readonly #redis: RedisClient;
  readonly #folder: string;
  readonly #scripts = new Map<string, { text: string; sha: string }>();

  constructor(redis: RedisClient, folder: string = join(contractsDir, 'lua')) {
    this.#redis = redis;
    this.#folder = folder;
  }

  /** Sends a command; its failures are told apart as `StateUnavailable` and mistakes. */
  async ask<Reply>(command: (redis: RedisClient) => Promise<Reply>): Promise<Reply> {
    try {
      return await inTime(command(this.#redis));
    } catch (error) {
      if (error instanceof ErrorReply && !CONDITION.test(error.message)) throw error;
      throw new StateUnavailable('the state store is unavailable', { cause: error });
    }
  }

  /**
   * Runs a script of contracts/lua/. `args` travel as JSON, `payload` as JSON text that the script
   * need not read. Returns the script's JSON, parsed.
   *
   * The client has a way of its own to register scripts, but as methods beside those of the commands:
   * a script `publish` would take the place of the command.
   */
  async run(name: string, args: object, payload?: string): Promise<unknown> {
    const { text, sha } = this.#script(name);
    const call = { arguments: [JSON.stringify(args), ...(payload === undefined ? [] : [payload])] };
    const reply = await this.ask(async (redis) => {
      try {
        return await redis.evalSha(sha, call);
      } catch (error) {
        if (!(error instanceof ErrorReply) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await redis.eval(text, call);
      }
    });
    if (typeof reply !== 'string') throw new Error(`${name}.lua did not return a string`);
    return JSON.parse(reply);
  }

  #script(name: string): { text: string; sha: string } {
    const known = this.#scripts.get(name);
    if (known) return known;
    const library = join(this.#folder, 'lib.lua');
    const body = readFileSync(join(this.#folder, `${name}.lua`), 'utf8');
    const text = existsSync(library) ? `${readFileSync(library, 'utf8')}\n${body}` : body;
    const script = { text, sha: createHash('sha1').update(text).digest('hex') };
    this.#scripts.set(name, script);
    return script;
  }
}

/** What `reply` resolves to, or an error after `PATIENCE_MS`. */
async function inTime<Reply>(reply: Promise<Reply>): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const timer = setTimeout(() => reject(new Error('no reply in time')), PATIENCE_MS);
  reply.then(resolve, reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** A server that hangs does not say that a key has changed: then what was read is kept for so long. */
const KEPT_MS = 5_000;
const KEPT_MAX = 1_000;

/**
 * What was read by key, until the server says that the key has changed, as it does by RESP3's
 * `CLIENT TRACKING`. All of it goes with the connection.
 */
export class Kept<Value> {
  readonly #entries = new Map<string, { value?: Value; until: number }>();

  /** `redis` has to be tracked, and to be what is read by. */
  constructor(redis: RedisClient) {
    redis.on('invalidate', (key: Buffer | string | null) => {
      if (key === null) this.#entries.clear();
      else this.#entries.delete(String(key));
    });
    for (const event of ['error', 'ready']) redis.on(event, () => this.#entries.clear());
  }

  /** What is kept of a key or, where nothing is, what `read` returns. That a key is not there is not kept. */
  async read(key: string, read: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const kept = this.#entries.get(key);
    const now = performance.now();
    if (kept?.value !== undefined && now < kept.until) return kept.value;
    // There before it is asked for: a change that is told meanwhile takes it away.
    const entry: { value?: Value; until: number } = { until: now + KEPT_MS };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size > KEPT_MAX) this.#entries.delete(oldest);
    const value = await read();
    if (value !== undefined) entry.value = value;
    return value;
  }
}

type Listener = (message?: string) => void;

/**
 * Hints that there is something to look at, over one connection for all who listen. A hint can be
 * lost, so listeners also look by themselves from time to time.
 */
export class Hints {
  readonly #redis: RedisClient;
  readonly #listeners = new Map<string, Set<Listener>>();

  /** `redis` must be a connection of its own: it becomes a subscriber. */
  constructor(redis: RedisClient) {
    this.#redis = redis;
    redis.on('ready', () => {
      for (const channel of this.#listeners.keys()) this.#subscribe(channel);
    });
  }

  /**
   * Calls `listener` at each hint on `channel` with what it says, and with nothing each time the
   * channel begins to be heard: what happened before is to be looked up. Returns how to stop it.
   */
  listen(channel: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(channel);
    if (!listeners) {
      listeners = new Set();
      this.#listeners.set(channel, listeners);
      this.#subscribe(channel);
    }
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.#listeners.delete(channel);
      this.#redis.unsubscribe(channel, this.#heard).catch(ignored);
    };
  }

  readonly #heard = (message: string, channel: string): void => this.#tell(channel, message);

  #subscribe(channel: string): void {
    // Fails when the connection is lost: `ready` asks again.
    this.#redis.subscribe(channel, this.#heard).then(() => this.#tell(channel), ignored);
  }

  #tell(channel: string, message?: string): void {
    for (const listener of [...(this.#listeners.get(channel) ?? [])]) listener(message);
  }
}

function ignored(): void {}
