import type { Found, Sessions } from '@app/sessions/sessions';
import type { FastifyBaseLogger } from 'fastify';
import * as oidc from 'openid-client';
import type { Issuer } from './issuer.ts';
import { personOf } from './person.ts';

interface Limits {
  ahead_s: number;
  patience_s: number;
  rolesClaim: string;
}

/**
 * Asks the issuer, before the access token of a session ends, whether the session still holds. Its
 * refresh token is good for once: who uses it again has stolen it, or it was stolen, and the issuer
 * ends all that came of it. But where an answer of the issuer was lost, the thief may be nobody: such a
 * session goes on without, as one does of an issuer that gives no such tokens.
 */
export class Refresh {
  readonly #issuer: Issuer;
  readonly #sessions: Sessions;
  readonly #limits: Limits;
  readonly #log: FastifyBaseLogger;
  readonly #running = new Map<string, Promise<Found | undefined>>();
  /** Until then nobody waits for an issuer that did not answer; by `performance.now()`. */
  #pausedUntil = 0;

  constructor(issuer: Issuer, sessions: Sessions, limits: Limits, log: FastifyBaseLogger) {
    this.#issuer = issuer;
    this.#sessions = sessions;
    this.#limits = limits;
    this.#log = log;
  }

  /** The session as it is now; nothing where the issuer has ended it. */
  async ifDue(found: Found): Promise<Found | undefined> {
    if (!this.#isDue(found) || performance.now() < this.#pausedUntil) return found;
    // Whoever comes meanwhile waits for the same answer.
    const running = this.#running.get(found.id) ?? this.#begin(found);
    return await running;
  }

  #isDue({ session: { refreshToken, refreshAt = Infinity } }: Found): boolean {
    return refreshToken !== undefined && Date.now() >= refreshAt - this.#limits.ahead_s * 1_000;
  }

  #begin(found: Found): Promise<Found | undefined> {
    const running = this.#refresh(found).finally(() => this.#running.delete(found.id));
    this.#running.set(found.id, running);
    return running;
  }

  async #refresh(found: Found): Promise<Found | undefined> {
    // Where another gateway asks already, that one ends the session or writes it.
    if (!(await this.#sessions.claim(found.id, this.#limits.patience_s * 3_000))) return found;
    try {
      // The token that was read before may have been used by now.
      const current = await this.#sessions.read(found.id);
      if (current === undefined || !this.#isDue(current)) return current;
      return await this.#ask(current);
    } finally {
      await this.#sessions.release(found.id);
    }
  }

  async #ask(found: Found): Promise<Found | undefined> {
    const { id, session } = found;
    let asked = false;
    try {
      const configuration = await this.#issuer.configuration();
      asked = true;
      const tokens = await oidc.refreshTokenGrant(configuration, session.refreshToken ?? '');
      const claims = tokens.claims();
      const seconds = tokens.expiresIn();
      const { unanswered: _, ...before } = session;
      const now: Found = {
        id,
        session: {
          ...before,
          ...(claims && personOf(claims, this.#limits.rolesClaim)),
          idToken: tokens.id_token ?? session.idToken,
          refreshToken: tokens.refresh_token ?? session.refreshToken,
          ...(seconds !== undefined && { refreshAt: Date.now() + seconds * 1_000 }),
        },
      };
      await this.#sessions.update(now);
      return now;
    } catch (error) {
      if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') {
        return await this.#refused(found);
      }
      if (asked && isWithoutAnswer(error)) {
        await this.#sessions.update({ id, session: { ...session, unanswered: true } });
      }
      this.#log.warn({ err: error }, 'the issuer did not answer: who is signed in stays so');
      this.#pausedUntil = performance.now() + this.#limits.patience_s * 1_000;
      return found;
    }
  }

  async #refused(found: Found): Promise<Found | undefined> {
    const { unanswered, refreshToken: _token, refreshAt: _at, ...session } = found.session;
    const { sub } = session;
    if (unanswered !== true) {
      const reason = 'refused by the issuer';
      this.#log.warn({ event: 'session_expired', sub, reason }, 'signed out');
      await this.#sessions.end(found);
      return undefined;
    }
    this.#log.warn({ sub }, 'an answer of the issuer was lost: a session is renewed no more');
    const kept = { id: found.id, session };
    await this.#sessions.update(kept);
    return kept;
  }
}

/** How it is called that there was no connection, by which a request could have gone. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** Whether a request may have reached the issuer, and what it answered has not reached us. */
function isWithoutAnswer(error: unknown): boolean {
  if (error instanceof oidc.ResponseBodyError) return false;
  if (!(error instanceof Error)) return true;
  if ('code' in error && NOT_SENT.has(String(error.code))) return false;
  return error.cause === undefined || isWithoutAnswer(error.cause);
}
