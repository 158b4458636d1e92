import { createHash } from 'node:crypto';
import type { Job as JobType } from '@app/contracts/types';
import type { Hints, State } from '@app/state';
import { z } from 'zod';
import { Job } from './schemas.ts';

/** Hints can be lost: how often who waits looks by itself. */
const POLL_MS = 1_000;
/** Jobs that one script sweeps: Redis does nothing else meanwhile. */
const SWEEP_LIMIT = 100;

const FIELDS = [
  'caller',
  'status',
  'model',
  'model_version',
  'attempt',
  'progress',
  'created_at',
  'started_at',
  'finished_at',
  'deadline_at',
  'expires_at',
  'output',
  'error',
  'traceparent',
  'redriven_from',
] as const;

const Accepted = z.discriminatedUnion('result', [
  z.object({
    result: z.literal('accepted'),
    created_at: z.number(),
    deadline_at: z.number(),
    claim: z.string().optional(),
  }),
  z.object({ result: z.literal('replayed'), id: z.string() }),
  z.object({ result: z.literal('conflict') }),
  z.object({ result: z.literal('quota'), retry_after_ms: z.number() }),
  z.object({ result: z.literal('full') }),
]);

const Canceled = z.object({ result: z.enum(['canceled', 'canceling', 'terminal', 'missing']) });

const Swept = z.object({ expired: z.array(z.string()), forgotten: z.number() });

const Stats = z.object({ depth: z.number(), oldest_age_ms: z.number() });

/** What the scripts need to know of contracts/limits.json. */
export interface JobLimits {
  result_s: number;
  events_s: number;
  dead_s: number;
  events_maxlen: number;
}

export interface NewJob {
  id: string;
  caller: string;
  service: string;
  model: string;
  deadline_s: number;
  idempotency_key?: string;
  /** SHA-256 of the request; the same key with another one is refused. */
  body_hash?: string;
  traceparent: string;
  max_live: number;
  quota_per_minute: number;
  /** Whether accepting also writes the entry of the queue. */
  stream: boolean;
  /** Otherwise, how long the accepted job is left to its caller to publish. */
  claim_ms?: number;
}

/** A job as its caller sees it, and whose it is. */
export interface OwnedJob {
  caller: string;
  job: JobType;
}

/** Jobs in the state store. Every change is a script there. */
export class Jobs {
  readonly #state: State;
  readonly #hints: Hints;
  readonly #limits: JobLimits;
  /** Whether jobs' events can be followed. */
  readonly #events: () => boolean;

  constructor(state: State, hints: Hints, limits: JobLimits, events: () => boolean) {
    this.#state = state;
    this.#hints = hints;
    this.#limits = limits;
    this.#events = events;
  }

  /** @param input what the model is given, as JSON */
  async accept(job: NewJob, input: string): Promise<z.output<typeof Accepted>> {
    const args = { ...job, limits: this.#limits };
    return Accepted.parse(await this.#state.run('accept', args, input));
  }

  /** Whose job it is has been asked before. */
  async cancel(id: string): Promise<z.output<typeof Canceled>['result']> {
    const args = { id, limits: this.#limits };
    return Canceled.parse(await this.#state.run('cancel', args)).result;
  }

  /** Expires what is overdue, and forgets what has been kept for long enough. */
  async sweep(): Promise<void> {
    let more = true;
    while (more) {
      const args = { limit: SWEEP_LIMIT, limits: this.#limits };
      const { expired, forgotten } = Swept.parse(await this.#state.run('sweep', args));
      more = Math.max(expired.length, forgotten) === SWEEP_LIMIT;
    }
  }

  async stats(): Promise<z.output<typeof Stats>> {
    return Stats.parse(await this.#state.run('stats', {}));
  }

  /** A job that was accepted just now, without asking for it. */
  accepted(job: NewJob, at: { created_at: number; deadline_at: number }): JobType {
    return {
      id: job.id,
      status: 'queued',
      model: job.model,
      model_version: null,
      attempt: 1,
      progress: 0,
      created_at: timestamp(at.created_at),
      started_at: null,
      finished_at: null,
      deadline_at: timestamp(at.deadline_at),
      expires_at: null,
      output: null,
      error: null,
      links: this.#links(job.id),
      trace_id: traceOf(job.traceparent),
      redriven_from: null,
    };
  }

  async read(id: string): Promise<OwnedJob | undefined> {
    const values = await this.#state.ask((redis) => redis.hmGet(`job:${id}`, [...FIELDS]));
    const fields: Record<string, string | undefined> = {};
    for (const [index, name] of FIELDS.entries()) fields[name] = values[index] ?? undefined;
    if (fields['status'] === undefined) return undefined;
    return { caller: fields['caller'] ?? '', job: Job.parse(this.#form(id, fields)) };
  }

  /** The job when it is terminal, or as it is after `ms` or when `signal` is aborted. */
  async wait(id: string, ms: number, signal: AbortSignal): Promise<OwnedJob | undefined> {
    const end = performance.now() + ms;
    let wake = (): void => {};
    const onAbort = (): void => wake();
    const stop = this.#hints.listen(`hint:jobs/${id}`, () => wake());
    signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        // Before the look: a hint that comes during it leads to another one.
        const woken = Promise.withResolvers<void>();
        wake = woken.resolve;
        const found = await this.read(id);
        const left = end - performance.now();
        if (!found || isTerminal(found.job) || left <= 0 || signal.aborted) return found;
        const timer = setTimeout(wake, Math.min(left, POLL_MS));
        await woken.promise;
        clearTimeout(timer);
      }
    } finally {
      stop();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #links(id: string): JobType['links'] {
    const self = `/v1/predictions/${id}`;
    return this.#events() ? { self, events: `${self}/events` } : { self };
  }

  /** What the fields of a hash say, still to be parsed. */
  #form(id: string, fields: Readonly<Record<string, string | undefined>>): object {
    const time = (value: string | undefined): string | null =>
      value ? timestamp(Number(value)) : null;
    const json = (value: string | undefined): unknown => (value ? JSON.parse(value) : null);
    return {
      id,
      status: fields['status'],
      model: fields['model'],
      model_version: fields['model_version'] || null,
      attempt: Number(fields['attempt']),
      progress: Number(fields['progress'] ?? 0),
      created_at: time(fields['created_at']),
      started_at: time(fields['started_at']),
      finished_at: time(fields['finished_at']),
      deadline_at: time(fields['deadline_at']),
      expires_at: time(fields['expires_at']),
      output: json(fields['output']),
      error: json(fields['error']),
      links: this.#links(id),
      trace_id: traceOf(fields['traceparent']),
      redriven_from: fields['redriven_from'] || null,
    };
  }
}

/** Milliseconds since 1970 as RFC 3339 in UTC. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

function traceOf(traceparent: string | undefined): string | null {
  return traceparent?.split('-')[1] ?? null;
}

export function isTerminal(job: JobType): boolean {
  return job.status !== 'queued' && job.status !== 'running';
}

/** A hash that is the same for documents that differ only in the order of keys, or in space. */
export function hashOf(document: unknown): string {
  return createHash('sha256').update(JSON.stringify(document, sortKeys)).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  // Keys that look like numbers come first whatever the order, but always in the same one.
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
