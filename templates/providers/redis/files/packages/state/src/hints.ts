import type { RedisClient } from './connect.ts';

/**
 * Hints that there is something to look at, over one connection for all who listen. A hint can be
 * lost, so listeners also look by themselves from time to time.
 */
export class Hints {
  readonly #redis: RedisClient;
  readonly #listeners = new Map<string, Set<() => void>>();

  /** `redis` must be a connection of its own: it becomes a subscriber. */
  constructor(redis: RedisClient) {
    this.#redis = redis;
    redis.on('ready', () => {
      for (const channel of this.#listeners.keys()) this.#subscribe(channel);
    });
  }

  /**
   * Calls `listener` at each hint on `channel`, and each time the channel begins to be heard:
   * what happened before is to be looked up. Returns how to stop it.
   */
  listen(channel: string, listener: () => void): () => void {
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

  readonly #heard = (_message: string, channel: string): void => this.#tell(channel);

  #subscribe(channel: string): void {
    // Fails when the connection is lost: `ready` asks again.
    this.#redis.subscribe(channel, this.#heard).then(() => this.#tell(channel), ignored);
  }

  #tell(channel: string): void {
    for (const listener of [...(this.#listeners.get(channel) ?? [])]) listener();
  }
}

function ignored(): void {}
