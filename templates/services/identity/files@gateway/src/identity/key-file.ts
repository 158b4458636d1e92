import { statSync } from 'node:fs';
import { Callers, type Credentials } from '@app/http/callers';
import type { FastifyBaseLogger } from 'fastify';

/** Between two looks at the file. */
const PAUSE_MS = 1_000;

/** API keys as the file has them now, so that a key comes and goes without a restart. */
export class KeyFile extends Callers {
  readonly #path: string;
  readonly #log: FastifyBaseLogger;
  #callers: Callers;
  #written: number;
  #lookAt = 0;

  constructor(path: string, log: FastifyBaseLogger) {
    super(new Map());
    this.#path = path;
    this.#log = log;
    this.#written = statSync(path).mtimeMs;
    this.#callers = Callers.fromFile(path);
  }

  override identify(credentials: Credentials): string | undefined {
    this.#look();
    return this.#callers.identify(credentials);
  }

  #look(): void {
    const now = performance.now();
    if (now < this.#lookAt) return;
    this.#lookAt = now + PAUSE_MS;
    try {
      const written = statSync(this.#path).mtimeMs;
      if (written === this.#written) return;
      this.#callers = Callers.fromFile(this.#path);
      this.#written = written;
      this.#log.info('the API keys were read again');
    } catch (error) {
      this.#log.error({ err: error }, 'the API keys cannot be read: those of before still hold');
    }
  }
}
