import { Problem } from '@app/http/problems';
import {
  callerOf,
  ENDED,
  idOf,
  keptSession,
  readSession,
  SESSION_COOKIE,
  type Found,
} from '@app/sessions/sessions';
import { takeTicket } from '@app/sessions/tickets';
import { connect, connected, Kept, State } from '@app/state';
import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';
import type { Opener, Watch } from './openers.ts';

const BEARER = /^bearer /i;
const PROTOCOL = /^ticket\.([\w-]{43})$/;
const COOKIE = new RegExp(`^${SESSION_COOKIE}=([\\w-]{43})$`);
/** How often it is looked whether a session has other roles, or has ended and nobody has told. */
const LOOK_MS = 5_000;
/** A longer time than this a timer takes for none. */
const LONGEST_MS = 2 ** 31 - 1;

/** Knows people by tickets and by their sessions, and lets them read as long as these hold. */
export default plugin(
  async (app) => {
    const { config, log } = app;
    // Browsers open several sockets, and open them again: a connection that hears what changes.
    const redis = connect(config.REDIS_URL, `${config.SERVICE_NAME}-sessions`, log, true);
    const state = new State(redis);
    const kept = new Kept<Found>(redis);
    app.addHook('onReady', async () => connected(redis));
    app.addHook('onClose', async () => redis.destroy());
    const watchSession = watcher(app);
    const openerOf = (found: Found): Opener => {
      const { sub, roles } = found.session;
      return { caller: callerOf(sub), roles, watch: watchSession(found) };
    };
    app.ways.push(
      async ({ headers }) => {
        const secret = member(headers['sec-websocket-protocol'], ',', PROTOCOL);
        if (secret === undefined) return undefined;
        const ticket = await takeTicket(app.state, secret);
        if (ticket === undefined) {
          const detail = 'The ticket is not valid: it was used, or has ended.';
          throw new Problem(401, 'unauthorized', detail);
        }
        const { ends, session, ...opener } = ticket;
        const found = session && (await keptSession(state, session, kept));
        if (found) return openerOf(found);
        if (session !== undefined || (ends !== undefined && ends <= Date.now())) {
          const detail = 'Who has asked for this ticket has signed out, or the token has ended.';
          throw new Problem(401, 'unauthorized', detail);
        }
        return { ...opener, ...(ends !== undefined && { watch: watchTime(ends) }) };
      },
      async ({ headers }) => {
        // As everywhere, what a request says of its sender itself goes before what its browser adds.
        if (BEARER.test(headers.authorization ?? '')) return undefined;
        const secret = member(headers.cookie, ';', COOKIE);
        const found = secret && (await keptSession(state, idOf(secret), kept));
        return found ? openerOf(found) : undefined;
      },
    );
  },
  { name: 'people', dependencies: ['openers', 'topics'] },
);

/** What the first member of a header has that is of this form. */
function member(header: string | undefined, separator: string, form: RegExp): string | undefined {
  for (const text of (header ?? '').split(separator)) {
    const found = form.exec(text.trim())?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Makes what watches a session: one subscription tells of the end of any. */
function watcher(app: FastifyInstance): (found: Found) => Watch {
  const watched = new Map<string, Set<() => void>>();
  const unlisten = app.hints.listen(ENDED, (id) => {
    for (const onEnd of watched.get(id ?? '') ?? []) onEnd();
  });
  app.addHook('onClose', async () => unlisten());
  return ({ id, session }) =>
    (onEnd) => {
      const look = (): void => {
        readSession(app.state, id).then(
          // Other roles may read and publish elsewhere: who comes back is asked again.
          (found) => String(found?.session.roles) !== String(session.roles) && onEnd(),
          // While the state store does not answer, who is signed in stays so.
          () => undefined,
        );
      };
      const timer = setInterval(look, LOOK_MS);
      const all = watched.get(id) ?? new Set();
      watched.set(id, all.add(onEnd));
      return () => {
        clearInterval(timer);
        if (all.delete(onEnd) && all.size === 0) watched.delete(id);
      };
    };
}

function watchTime(ends: number): Watch {
  return (onEnd) => {
    const timer = setTimeout(onEnd, Math.min(ends - Date.now(), LONGEST_MS));
    return () => clearTimeout(timer);
  };
}
