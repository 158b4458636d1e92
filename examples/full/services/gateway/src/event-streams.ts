import replyFrom from '@fastify/reply-from';
import type { FastifyInstance, RouteHandlerMethod } from 'fastify';
import { unavailable } from './problems.ts';
import { traceparent } from './trace.ts';

/** Makes a handler that passes server-sent events on, until one side or the gateway stops. */
export async function passEvents(app: FastifyInstance): Promise<RouteHandlerMethod> {
  // Realtime comments on a stream where nothing happens: one that is silent is broken.
  await app.register(replyFrom, {
    undici: { bodyTimeout: 60_000 },
    disableRequestLogging: true,
    retryMethods: [],
  });

  return (request, reply) =>
    reply.from(`${app.config.REALTIME_URL}${request.url}`, {
      rewriteRequestHeaders: (_request, headers) => ({
        ...headers,
        traceparent: traceparent(request.id),
      }),
      onResponse(_request, passed, response) {
        const { stream } = response;
        const stop = (): void => void stream.destroy();
        app.draining.addEventListener('abort', stop, { once: true });
        stream.once('close', () => app.draining.removeEventListener('abort', stop));
        void passed.send(stream);
      },
      onError(failed, { error }) {
        failed.send(unavailable('realtime-unavailable', 'Realtime did not answer.', error));
      },
    });
}
