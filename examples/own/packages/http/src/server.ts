import Fastify, {
  LogController,
  type FastifyError,
  type FastifyInstance,
  type FastifyServerOptions,
} from 'fastify';
import plugin from 'fastify-plugin';
import {
  serializerCompiler,
  validatorCompiler,
  type FastifyPluginAsyncZod,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Callers } from './callers.ts';
import { hasSeveralHosts, noteAnswer, originForm, refuseConnection } from './connection.ts';
import { loggerOptions, logRequests } from './log.ts';
import { answerError, Problem, problems, unavailable } from './problems.ts';
import type { ServerConfig } from './settings.ts';
import { traceId } from './trace.ts';

declare module 'fastify' {
  interface FastifyInstance {
    callers: Callers;
    /** Aborted when the service begins to drain. */
    draining: AbortSignal;
  }
  interface FastifyRequest {
    /** The name of the API key or, where there is no valid one, the client's address. */
    caller: string;
    /** Whether there is a valid API key, where keys are configured. */
    known: boolean;
  }
  interface FastifyContextConfig {
    /** Answered without an API key. */
    public?: boolean;
    /** Asked by machines again and again: never limited, never shed. */
    probe?: boolean;
  }
}

/** A server with what all services have in common: log, bounds, problem documents and a way to drain. */
export function createServer(
  config: ServerConfig,
  options: FastifyServerOptions = {},
): FastifyInstance {
  const requestTimeout = config.REQUEST_TIMEOUT_S * 1_000;
  const app: FastifyInstance = Fastify({
    ...options,
    logger: loggerOptions(config),
    // A request is known by its trace, here and in the services behind.
    genReqId: (request) => traceId(request.headers['traceparent']),
    logController: new LogController({
      requestIdLogLabel: 'trace_id',
      disableRequestLogging: true,
    }),
    requestTimeout,
    http: {
      // Node derives its bound of the headers from it here alone. With a bound of the headers that
      // is higher, such as its 60 s, it would take the two for each other.
      requestTimeout,
      // How often requests that do not arrive in time are looked for.
      connectionsCheckingInterval: 500,
      // A change to any other protocol is not made, and the request answered (RFC 9110, 7.8).
      shouldUpgradeCallback: ({ headers }) =>
        headers.upgrade?.toLowerCase() === 'websocket' && app.server.listenerCount('upgrade') > 0,
    },
    // Outlives the idle connections of the proxy in front (60 s), so that none breaks in its hands.
    keepAliveTimeout: 75_000,
    // Answered by `admission`, as a problem document.
    return503OnClosing: false,
    rewriteUrl: (request) => originForm(request.url ?? '/'),
    clientErrorHandler: refuseConnection,
    frameworkErrors: answerError,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    answerError(error, request, reply);
  });

  const draining = new AbortController();
  app.decorate('draining', draining.signal);
  app.addHook('preClose', async () => draining.abort());
  // A connection that stays open holds up the end.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (draining.signal.aborted) reply.header('connection', 'close');
    done();
  });

  app.decorate('callers', Callers.fromFile(config.API_KEYS_FILE));
  app.decorateRequest('caller', '');
  app.decorateRequest('known', false);
  logRequests(app);
  return app;
}

/** Knows who calls, and takes no request that is ambiguous or comes while the service drains. */
export const admission = plugin(async (app) => {
  app.addHook('onRequest', (request, reply, done) => {
    noteAnswer(request.raw.socket, reply.raw);
    const { authorization } = request.headers;
    const caller = app.callers.identify({ authorization, address: request.ip });
    request.caller = caller ?? request.ip;
    request.known = caller !== undefined;
    if (hasSeveralHosts(request.raw)) {
      throw new Problem(400, 'bad-request', 'There is more than one header `Host`.', {
        headers: { connection: 'close' },
      });
    }
    if (app.draining.aborted && request.routeOptions.config.probe !== true) {
      throw unavailable('draining', 'This service stops. Another one answers.');
    }
    done();
  });
});

const config = { public: true, probe: true };
const security: [] = [];
const response = { 200: z.object({ status: z.literal('ok') }), ...problems() };

/** Routes by which machines learn how the service is. */
export const health: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/livez',
    {
      config,
      schema: { summary: 'Whether the process runs.', tags: ['health'], security, response },
    },
    async () => ({ status: 'ok' as const }),
  );

  // What is behind may be down: that fails some requests, but another replica could not do better.
  // While this one starts it does not listen yet.
  app.get(
    '/readyz',
    {
      config,
      schema: { summary: 'Whether to send requests.', tags: ['health'], security, response },
    },
    async () => {
      if (app.draining.aborted) throw unavailable('draining', 'This service stops.');
      return { status: 'ok' as const };
    },
  );
};
