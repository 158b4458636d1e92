import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Clients } from '@app/http/clients';
import { refuse } from '@app/http/connection';
import { Problem, unavailable } from '@app/http/problems';
import { StateUnavailable } from '@app/state';
import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';
import { WebSocketServer } from 'ws';
import { storeUnavailable, unknown } from '../refusals.ts';
import { Socket } from '../socket.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Sockets and streams that are open. They go to other replicas when this one drains. */
    clients: Clients;
  }
}

/** Turns requests for `/v1/ws` into sockets. */
export default plugin(
  async (app) => {
    const { config, log } = app;
    const clients = new Clients();
    const drainMs = config.DRAIN_S * 1_000;
    app.decorate('clients', clients);
    app.addHook('preClose', () => clients.drain(drainMs / 2, drainMs / 4));

    const open = new Set<Socket>();
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: config.WS_MAX_PAYLOAD_BYTES,
      perMessageDeflate: false,
      // Beside `v1` a browser offers its API key, which is no protocol to agree on.
      handleProtocols: (offered) => (offered.has('v1') ? 'v1' : false),
    });
    const timer = setInterval(() => {
      for (const socket of open) socket.ping();
    }, config.WS_PING_S * 1_000);

    function refusalOf({ headers, url = '/' }: IncomingMessage): Problem | undefined {
      if (URL.parse(url, 'http://localhost')?.pathname !== '/v1/ws') {
        return new Problem(404, 'not-found', 'There is no WebSocket here.');
      }
      if (app.draining.aborted) return unavailable('draining', 'This service stops.');
      if (originAllowed(headers, config.ALLOWED_ORIGINS)) return undefined;
      return new Problem(403, 'origin-not-allowed', 'Pages of this origin may not connect.');
    }

    async function accept(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
      const first = refusalOf(request);
      if (first) throw first;
      const opener = await app.openerOf(request, request.socket.remoteAddress ?? '');
      if (opener === undefined) throw unknown();
      // It may have begun to drain meanwhile.
      const refusal = refusalOf(request);
      if (refusal) throw refusal;
      server.handleUpgrade(request, stream, head, (ws) => {
        const socket = new Socket(ws, stream, opener, app);
        const gone = clients.add(() => socket.close(1012, 'restarting'));
        const unwatch = opener.watch?.(() => socket.close(1008, 'signed out'));
        open.add(socket);
        ws.on('close', () => {
          open.delete(socket);
          unwatch?.();
          gone();
        });
      });
    }

    app.server.on('upgrade', (request, stream, head) => {
      stream.on('error', (error) => log.debug({ err: error }, 'upgrade failed'));
      accept(request, stream, head).catch((error: unknown) => {
        refuse(stream, problemOf(error, app), request.url ?? '/');
      });
    });
    app.addHook('onClose', async () => {
      clearInterval(timer);
      for (const socket of open) socket.terminate();
    });
  },
  { dependencies: ['openers', 'topics'] },
);

function problemOf(error: unknown, { log }: FastifyInstance): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StateUnavailable) return storeUnavailable(error);
  log.error({ err: error }, 'upgrade failed');
  return new Problem(500, 'internal', 'This is a mistake of the service.');
}

/**
 * Whether a page of this origin may open a socket. Browsers always send `Origin` on a WebSocket and
 * let no page change it; what sends none is not a browser.
 */
function originAllowed(headers: IncomingHttpHeaders, allowed: string[]): boolean {
  const { origin } = headers;
  if (origin === undefined) return true;
  if (allowed.length > 0) return allowed.includes(origin);
  // A proxy may have replaced `Host`; a page can set neither header.
  const host = headers['x-forwarded-host'] ?? headers.host;
  return URL.parse(origin)?.host === host;
}
