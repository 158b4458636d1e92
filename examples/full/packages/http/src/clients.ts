import { setTimeout as wait } from 'node:timers/promises';

/** So many are sent away in a millisecond: they all come back at once otherwise. */
const LEAVES_PER_MS = 0.1;

/** Clients that stay connected, each by what sends it away. */
export class Clients {
  readonly #leaves = new Set<() => void>();
  #onEmpty = (): void => {};

  /** Returns what is to be called when the client has gone. */
  add(leave: () => void): () => void {
    this.#leaves.add(leave);
    return () => {
      this.#leaves.delete(leave);
      if (this.#leaves.size === 0) this.#onEmpty();
    };
  }

  /** Sends all away in up to `spreadMs`, and waits for up to `patienceMs` until they have gone. */
  async drain(spreadMs: number, patienceMs: number): Promise<void> {
    const spread = Math.min(this.#leaves.size / LEAVES_PER_MS, spreadMs);
    const asked = [...this.#leaves].map(async (leave) => {
      await wait(Math.random() * spread);
      leave();
    });
    await Promise.all(asked);
    if (this.#leaves.size === 0) return;
    const empty = new AbortController();
    this.#onEmpty = () => empty.abort();
    await wait(patienceMs, undefined, { signal: empty.signal }).catch(() => undefined);
  }
}
