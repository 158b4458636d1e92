import plugin from 'fastify-plugin';
import { hasSeveralHosts, originForm, refuse } from '../connection.ts';
import { Problem, unavailable } from '../problems.ts';
import { Tunnels } from '../tunnels.ts';

/** Passes WebSockets on to realtime, where no proxy in front does. */
export default plugin(
  async (app) => {
    const tunnels = new Tunnels(app.config.REALTIME_URL);
    app.server.on('upgrade', (request, socket, head) => {
      const url = originForm(request.url ?? '/');
      if (hasSeveralHosts(request)) {
        refuse(socket, new Problem(400, 'bad-request', 'There is more than one Host.'), url);
      } else if (app.draining.aborted) {
        refuse(socket, unavailable('draining', 'This gateway stops.'), url);
      } else if (url.replace(/\?.*/s, '') !== '/v1/ws') {
        refuse(socket, new Problem(404, 'not-found', 'There is no WebSocket here.'), url);
      } else {
        tunnels.open(url, request, socket, head);
      }
    });
    app.addHook('preClose', async () => tunnels.drain((app.config.DRAIN_S * 1_000) / 2));
  },
  { dependencies: ['lifecycle'] },
);
