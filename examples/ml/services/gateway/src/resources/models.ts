import plugin from 'fastify-plugin';
import type { NamedService } from '../config/named-services.ts';
import { Metadata } from '../tensors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    models: Models;
  }
}

/** Where a model is served. `unreachable`: perhaps at this service, which does not answer. */
export type Found =
  | { state: 'known'; service: NamedService; metadata: Metadata }
  | { state: 'unreachable'; service: NamedService }
  | { state: 'unknown' };

const KNOWN_MS = 30_000;
const OTHERWISE_MS = 5_000;
const PATIENCE_MS = 2_000;
const SIZE = 1_000;

export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Asks inference services which models they have, when somebody wants one. */
export class Models {
  readonly #services: readonly NamedService[];
  readonly #found = new Map<string, { until: number; found: Promise<Found> }>();

  /** `services` must not be empty. */
  constructor(services: readonly NamedService[]) {
    this.#services = services;
  }

  async find(model: string): Promise<Found> {
    const earlier = this.#found.get(model);
    if (earlier && performance.now() < earlier.until) return await earlier.found;

    // Whoever asks meanwhile gets the same answer.
    const entry = { until: Infinity, found: this.#ask(model, earlier?.found) };
    this.#found.delete(model);
    this.#found.set(model, entry);
    for (const oldest of this.#found.keys()) {
      if (this.#found.size <= SIZE) break;
      this.#found.delete(oldest);
    }
    const found = await entry.found;
    entry.until = performance.now() + (found.state === 'known' ? KNOWN_MS : OTHERWISE_MS);
    return found;
  }

  /** A service where a GET of `path` succeeds or, where all are `needed`, one where it does not. */
  async serviceFor(path: string, needed: 'any' | 'all'): Promise<NamedService> {
    const [first, ...others] = this.#services;
    if (first === undefined) throw new Error('there is no inference service');
    if (others.length === 0) return first;
    const answers = await Promise.all(
      this.#services.map(async (service) => ({ service, ok: await succeeds(service, path) })),
    );
    return answers.find(({ ok }) => ok === (needed === 'any'))?.service ?? first;
  }

  async #ask(model: string, before: Promise<Found> | undefined): Promise<Found> {
    const answers = await Promise.all(this.#services.map((service) => ask(service, model)));
    const known = answers.find((answer) => answer.state === 'known');
    if (known) return known;
    const earlier = await before;
    const unreachable = answers.filter((answer) => answer.state === 'unreachable');
    // A model is most likely where it was before.
    if (
      earlier?.state === 'known' &&
      unreachable.some((answer) => answer.service === earlier.service)
    ) {
      return earlier;
    }
    return unreachable[0] ?? { state: 'unknown' };
  }
}

export default plugin(async (app) => {
  app.decorate('models', new Models(app.config.INFERENCE_URLS));
});

async function ask(service: NamedService, model: string): Promise<Found> {
  try {
    const response = await fetch(`${service.url}/v2/models/${encodeURIComponent(model)}`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status === 404) {
      await response.body?.cancel();
      return { state: 'unknown' };
    }
    const metadata = Metadata.parse(await response.json());
    return { state: 'known', service, metadata };
  } catch {
    // No answer, or not the one of an inference service that is ready.
    return { state: 'unreachable', service };
  }
}

async function succeeds(service: NamedService, path: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`${service.url}${path}`, { signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
