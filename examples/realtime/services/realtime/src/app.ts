import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Callers } from '@app/callers';
import cors from '@fastify/cors';
import { connect, Hints, State, StateUnavailable } from '@app/state';
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Config } from './config.ts';
import { Hub } from './hub.ts';
import { Presence } from './presence.ts';
import { problem } from './problem.ts';
import { Streams } from './sse.ts';
import { loadTopics } from './topic.ts';
import { Sockets } from './upgrade.ts';

/** So many clients are sent away in a millisecond: they all come back to the other replicas. */
const leavesPerMs = 0.1;

export async function buildApp(
  config: Config,
  callers: Callers,
  logger: FastifyServerOptions['logger'] = false,
): Promise<FastifyInstance> {
  const requestTimeout = config.REQUEST_TIMEOUT_S * 1000;
  const app = fastify({
    logger: logger ?? false,
    // A proxy in front keeps connections for up to a minute: it must be the first to drop one.
    keepAliveTimeout: 75_000,
    requestTimeout,
    // Node derives its bound of the headers from it here alone. With a bound of the headers that is
    // higher, such as its 60 s, it would take the two for each other.
    http: {
      requestTimeout,
      // A change to any other protocol is not made, and the request answered (RFC 9110, 7.8).
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    routerOptions: { maxParamLength: 256 },
  });
  const log = app.log;
  const redis = connect(config.REDIS_URL, config.SERVICE_NAME, log);
  const subscriber = connect(config.REDIS_URL, `${config.SERVICE_NAME}-hints`, log);
  const state = new State(redis);
  const hints = new Hints(subscriber);
  const hub = new Hub(state, hints, log, config.POLL_S);
  const presence = new Presence(state, hints, log, config);
  const topics = await loadTopics();
  const shared = { config, hub, log, presence, state, topics };
  const sockets = new Sockets(callers, shared);
  const streams = new Streams(callers, shared);
  let draining = false;

  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof StateUnavailable) {
      // Not all at once.
      reply.header('retry-after', 5 + Math.floor(Math.random() * 6));
      return problem(reply, 503, 'state-unavailable', 'The event store cannot be reached.');
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return problem(reply, status, 'bad-request', error.message);
    request.log.error({ err: error }, 'request failed');
    return problem(reply, 500, 'internal', 'The request failed.');
  });
  app.setNotFoundHandler((request, reply) =>
    problem(reply, 404, 'not-found', `There is nothing at ${request.url}.`),
  );

  await app.register(cors, { origin: config.ALLOWED_ORIGINS, methods: ['GET'] });
  app.get('/livez', { logLevel: 'warn' }, () => ({ status: 'alive' }));
  // Ready without Redis as well: sockets stay, and no other replica would do better.
  app.get('/readyz', { logLevel: 'warn' }, (_request, reply) => {
    if (draining) return problem(reply, 503, 'draining', 'The service is stopping.');
    return { status: 'ready' };
  });
  streams.register(app);
  app.server.on('upgrade', sockets.upgrade);

  // Who comes first is not refused for a connection that is about to be made. It starts without
  // Redis all the same.
  app.addHook('onReady', async () => {
    if (!redis.isReady)
      await once(redis, 'ready', { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
  });
  app.addHook('preClose', async () => {
    draining = true;
    const leaving = [
      ...sockets.drain().map((socket) => () => socket.close(1012, 'restarting')),
      ...streams.drain().map((response) => () => response.end()),
    ];
    const spread = Math.min(leaving.length / leavesPerMs, (config.DRAIN_S * 1000) / 2);
    const closed = leaving.map(async (leave) => {
      await wait(Math.random() * spread);
      leave();
    });
    await Promise.all(closed);
    await sockets.closed((config.DRAIN_S * 1000) / 4);
  });
  app.addHook('onClose', async () => {
    sockets.close();
    await presence.close();
    hub.close();
    redis.destroy();
    subscriber.destroy();
  });
  return app;
}
