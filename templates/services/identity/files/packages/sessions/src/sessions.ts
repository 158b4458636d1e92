import { hash, randomBytes } from 'node:crypto';
import type { Kept, State } from '@app/state';
import { z } from 'zod';

/** Somebody who is signed in. Tokens are the gateway's, and leave it for nobody. */
const Session = z.object({
  sub: z.string(),
  name: z.string().optional(),
  roles: z.array(z.string()),
  /** What the issuer calls its own session by. */
  sid: z.string().optional(),
  idToken: z.string(),
  refreshToken: z.string().optional(),
  /** When the access token ends, in milliseconds; with a refresh token alone. */
  refreshAt: z.number().optional(),
  /** The issuer was asked to renew it, and nobody knows what became of that. */
  unanswered: z.boolean().optional(),
  began: z.number(),
  ends: z.number(),
  /** With what the session began, as it says of itself. */
  agent: z.string(),
});

export type Session = z.output<typeof Session>;

/** A session, with the hash of its secret, by which it is called. */
export interface Found {
  id: string;
  session: Session;
}

/** `__Host-`: over https alone, for this host alone, and set by nobody else. */
export const SESSION_COOKIE = '__Host-session';

/** Where it is said which session has ended. */
export const ENDED = 'hint:sessions';

/** After so much of the time that it may be without a request, a request prolongs it. */
const PROLONG_AFTER = 0.05;
/** Of so many sessions it is known when they were prolonged. */
const PROLONGED = 10_000;

/** Who is signed in, in the state store: of the secret in a browser's cookie only a hash is there. */
export class Sessions {
  readonly #state: State;
  readonly #kept: Kept<Found> | undefined;
  readonly #idleMs: number;
  readonly #maxMs: number;
  /** When each was prolonged, those of long ago first; by `Date.now()`. */
  readonly #prolonged = new Map<string, number>();

  /** @param kept what `state` was asked for before */
  constructor(state: State, limits: { idle_s: number; max_s: number }, kept?: Kept<Found>) {
    this.#state = state;
    this.#kept = kept;
    this.#idleMs = limits.idle_s * 1_000;
    this.#maxMs = limits.max_s * 1_000;
  }

  /** Begins a session, and returns the secret that is known to its browser alone. */
  async begin(person: Omit<Session, 'began' | 'ends'>): Promise<string> {
    const secret = newSecret();
    const id = idOf(secret);
    const began = Date.now();
    const session: Session = { ...person, began, ends: began + this.#maxMs };
    await this.#state.ask(async (redis) => {
      const steps = redis
        .multi()
        .set(keyOf(id), JSON.stringify(session), { PX: Math.min(this.#idleMs, this.#maxMs) });
      for (const index of indexesOf(session)) {
        steps.sAdd(index, id).pExpire(index, this.#maxMs);
      }
      return await steps.exec();
    });
    return secret;
  }

  /** The session of a browser's secret; prolongs it, up to its end. */
  async find(secret: string): Promise<Found | undefined> {
    const id = idOf(secret);
    const found = await (this.#kept ? keptSession(this.#state, id, this.#kept) : this.read(id));
    if (found === undefined) return undefined;
    const rest = found.session.ends - Date.now();
    if (rest <= 0 || !(await this.#prolong(found.id, rest))) return undefined;
    return found;
  }

  /** Whether the session is there still, which is asked for where it may have been idle too long. */
  async #prolong(id: string, rest: number): Promise<boolean> {
    const now = Date.now();
    if (now - (this.#prolonged.get(id) ?? 0) < this.#idleMs * PROLONG_AFTER) return true;
    const idle = Math.min(this.#idleMs, rest);
    if (!(await this.#state.ask(async (redis) => redis.pExpire(keyOf(id), idle)))) return false;
    this.#prolonged.delete(id);
    this.#prolonged.set(id, now);
    const [oldest] = this.#prolonged.keys();
    if (oldest !== undefined && this.#prolonged.size > PROLONGED) this.#prolonged.delete(oldest);
    return true;
  }

  /** The session that is called so, as it is now. */
  async read(id: string): Promise<Found | undefined> {
    return await readSession(this.#state, id);
  }

  /** Writes what has changed of a session, where it has not ended meanwhile. */
  async update({ id, session }: Found): Promise<void> {
    const options = { condition: 'XX', expiration: 'KEEPTTL' } as const;
    await this.#state.ask(async (redis) => redis.set(keyOf(id), JSON.stringify(session), options));
  }

  /** Whether it is this process that may ask the issuer about a session, for so many milliseconds. */
  async claim(id: string, ms: number): Promise<boolean> {
    const options = { condition: 'NX', expiration: { type: 'PX', value: ms } } as const;
    const key = `session-refresh:${id}`;
    return (await this.#state.ask(async (redis) => redis.set(key, '1', options))) !== null;
  }

  async release(id: string): Promise<void> {
    await this.#state.ask(async (redis) => redis.del(`session-refresh:${id}`));
  }

  /** All sessions of a person. */
  async list(sub: string): Promise<Found[]> {
    return await this.#members(indexOfPerson(sub));
  }

  /** Ends a session. Its secret is worth nothing from now on. */
  async end({ id, session }: Found): Promise<void> {
    await this.#state.ask(async (redis) => {
      const steps = redis.multi().del(keyOf(id)).publish(ENDED, id);
      for (const index of indexesOf(session)) steps.sRem(index, id);
      return await steps.exec();
    });
  }

  /** Ends all sessions of a person; how many there were. */
  async endAll(sub: string): Promise<number> {
    return await this.#endMembers(indexOfPerson(sub));
  }

  /** Ends what the issuer calls one session. */
  async endAt(sid: string): Promise<number> {
    return await this.#endMembers(indexOfSid(sid));
  }

  async #endMembers(index: string): Promise<number> {
    const members = await this.#members(index);
    for (const found of members) await this.end(found);
    return members.length;
  }

  /** Those that have not ended; of the others nothing remains. */
  async #members(index: string): Promise<Found[]> {
    const ids = await this.#state.ask(async (redis) => redis.sMembers(index));
    if (ids.length === 0) return [];
    const texts = await this.#state.ask(async (redis) => redis.mGet(ids.map(keyOf)));
    const found = ids.flatMap((id, place) => {
      const text = texts[place];
      return text ? [{ id, session: Session.parse(JSON.parse(text)) }] : [];
    });
    const gone = ids.filter((_, place) => !texts[place]);
    if (gone.length > 0) await this.#state.ask(async (redis) => redis.sRem(index, gone));
    return found.toSorted((first, second) => second.session.began - first.session.began);
  }
}

/** The session that is called so, as it is now or, where it may be `kept`, as it was read. */
export async function keptSession(
  state: State,
  id: string,
  kept: Kept<Found>,
): Promise<Found | undefined> {
  return await kept.read(keyOf(id), async () => readSession(state, id));
}

/** The session that is called so, as it is now. */
export async function readSession(state: State, id: string): Promise<Found | undefined> {
  const text = await state.ask(async (redis) => redis.get(keyOf(id)));
  return text === null ? undefined : { id, session: Session.parse(JSON.parse(text)) };
}

/** 256 random bits. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** By what a secret is known where it is kept. */
export function idOf(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** What a person is called by the services: never like an API key, and never like an address. */
export function callerOf(sub: string): string {
  return `user:${sub}`;
}

/** Whom the issuer means by a person that services call so. */
export function subOf(caller: string): string {
  return caller.replace(/^user:/, '');
}

function keyOf(id: string): string {
  return `session:${id}`;
}

function indexOfPerson(sub: string): string {
  return `sessions-of:${sub}`;
}

function indexOfSid(sid: string): string {
  return `sessions-at:${sid}`;
}

function indexesOf({ sub, sid }: Session): string[] {
  return [indexOfPerson(sub), ...(sid === undefined ? [] : [indexOfSid(sid)])];
}
