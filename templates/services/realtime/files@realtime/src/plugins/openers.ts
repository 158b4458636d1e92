import type { IncomingMessage } from 'node:http';
import plugin from 'fastify-plugin';
import type { Topic } from '../topic.ts';

/** Who opens a socket or a stream of events. */
export interface Opener {
  /** The API key's name or, where none is needed, an address: what is opened counts as its. */
  caller: string;
  roles?: readonly string[] | undefined;
  watch?: Watch;
}

/** Whether somebody may do this with a topic. */
export type Permission = (opener: Opener, act: 'read' | 'publish', topic: Topic) => boolean;

/** Calls `onEnd` once the right to read is over, unless what this returns was called before. */
export type Watch = (onEnd: () => void) => () => void;

/** Knows who opens something, where the request says it in this way. Throws a `Problem` where what it says is not true. */
export type Way = (request: IncomingMessage) => Promise<Opener | undefined>;

declare module 'fastify' {
  interface FastifyInstance {
    /** What `may` asks. */
    permissions: Permission[];
    /** Whether all permissions agree. */
    may: Permission;
    /** Asked in turn, before API keys are. */
    ways: Way[];
    /** Who opens something; nothing where that has to be known, and is not. */
    openerOf: (request: IncomingMessage, address: string) => Promise<Opener | undefined>;
  }
}

/** Knows by API keys, and by what else there is, who opens sockets and streams. */
export default plugin(
  async (app) => {
    const ways: Way[] = [];
    const permissions: Permission[] = [];
    app.decorate('permissions', permissions);
    app.decorate('may', (...act) => permissions.every((allows) => allows(...act)));
    app.decorate('ways', ways);
    app.decorate('openerOf', async (request, address) => {
      for (const way of ways) {
        const opener = await way(request);
        if (opener) return opener;
      }
      const { authorization, 'sec-websocket-protocol': protocol } = request.headers;
      const caller = app.callers.identify({ authorization, protocol, address });
      return caller === undefined ? undefined : { caller };
    });
  },
  { name: 'openers' },
);
