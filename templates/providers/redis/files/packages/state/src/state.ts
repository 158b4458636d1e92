import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractsDir } from '@app/contracts';
import { ErrorReply } from 'redis';
import type { RedisClient } from './connect.ts';

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
