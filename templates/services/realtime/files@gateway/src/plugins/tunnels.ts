import type { IncomingMessage } from 'node:http';
import plugin from 'fastify-plugin';
import { hasSeveralHosts, originForm, refuse } from '../connection.ts';
import { Problem, unavailable } from '../problems.ts';
import { Tunnels } from '../tunnels.ts';

/** Passes WebSockets on to realtime, where no proxy in front does. */
export default plugin(
  async (app) => {
    const tunnels = new Tunnels(app.config.REALTIME_URL);

    function refusalOf(url: string, request: IncomingMessage): Problem | undefined {
      if (hasSeveralHosts(request)) {
        return new Problem(400, 'bad-request', 'There is more than one header `Host`.');
      }
      if (app.draining.aborted) return unavailable('draining', 'This gateway stops.');
      if (url.replace(/\?.*/s, '') === '/v1/ws') return undefined;
      return new Problem(404, 'not-found', 'There is no WebSocket here.');
    }

    /** Counts it among its caller's requests; without a valid key, among those of its address. */
    function overLimit({ headers, socket }: IncomingMessage): Problem | undefined {
      const { authorization, 'sec-websocket-protocol': protocol } = headers;
      const address = socket.remoteAddress ?? '';
      const caller = app.callers.identify({ authorization, protocol, address }) ?? address;
      const { count, left } = app.requestCounts.read(caller);
      if (count >= app.config.RATE_LIMIT_PER_MINUTE) {
        return new Problem(429, 'too-many-requests', 'These are too many requests in a minute.', {
          headers: { 'retry-after': String(Math.ceil(left / 1_000)) },
        });
      }
      app.requestCounts.add(caller, 1);
      return undefined;
    }

    app.server.on('upgrade', (request, socket, head) => {
      const url = originForm(request.url ?? '/');
      const refusal = refusalOf(url, request) ?? overLimit(request);
      if (refusal) refuse(socket, refusal, url);
      else tunnels.open(url, request, socket, head);
    });
    app.addHook('preClose', async () => tunnels.drain((app.config.DRAIN_S * 1_000) / 2));
  },
  { dependencies: ['callers', 'lifecycle'] },
);
