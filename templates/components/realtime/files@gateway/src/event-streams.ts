import type { FastifyInstance, RouteHandlerMethod } from 'fastify';
import { unavailable } from './problems.ts';
import { connectUpstream, passing } from './upstream.ts';

/** Makes a handler that passes server-sent events on, until one side or the gateway stops. */
export async function passEvents(app: FastifyInstance): Promise<RouteHandlerMethod> {
  // Realtime comments on a stream where nothing happens: one that is silent is broken.
  await connectUpstream(app, { bodyTimeout: 60_000 });
  const hooks = passing((cause) =>
    unavailable('realtime-unavailable', 'Realtime did not answer.', cause),
  );

  return (request, reply) =>
    reply.from(`${app.config.REALTIME_URL}${request.url}`, {
      ...hooks,
      onResponse(_request, passed, response) {
        const { stream } = response;
        const stop = (): void => void stream.destroy();
        app.draining.addEventListener('abort', stop, { once: true });
        stream.once('close', () => app.draining.removeEventListener('abort', stop));
        void passed.send(stream);
      },
    });
}
