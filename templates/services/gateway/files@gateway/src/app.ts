import { join } from 'node:path';
import autoload from '@fastify/autoload';
import Fastify, { LogController, type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { stdTimeFunctions } from 'pino';
import type { Config } from './config.ts';
import { originForm, refuseConnection } from './connection.ts';
import { logStream } from './log.ts';
import { answerError } from './problems.ts';
import { traceId } from './trace.ts';

declare module 'fastify' {
  interface FastifyInstance {
    config: Config;
  }
}

/** The gateway, ready to listen or to be tested with `inject`. */
export async function buildApp(config: Config): Promise<FastifyInstance> {
  const requestTimeout = config.REQUEST_TIMEOUT_S * 1_000;
  const app: FastifyInstance = Fastify({
    logger: {
      level: config.LOG_LEVEL,
      base: { service: config.SERVICE_NAME },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      stream: logStream,
    },
    // A request is known by its trace, here and in the services behind.
    genReqId: (request) => traceId(request.headers['traceparent']),
    logController: new LogController({
      requestIdLogLabel: 'trace_id',
      disableRequestLogging: true,
    }),
    trustProxy: config.TRUST_PROXY.length > 0 ? config.TRUST_PROXY : false,
    bodyLimit: config.BODY_LIMIT_BYTES,
    // Names in paths are bounded by their schemas.
    routerOptions: { maxParamLength: 1_024 },
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
    // Answered by the lifecycle plugin, as a problem document.
    return503OnClosing: false,
    rewriteUrl: (request) => originForm(request.url ?? '/'),
    clientErrorHandler: refuseConnection,
    frameworkErrors: answerError,
  });

  app.decorate('config', config);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  // What others need first, then hooks, then routes: a feature is a file in one of these folders.
  for (const folder of ['resources', 'plugins', 'routes']) {
    await app.register(autoload, { dir: join(import.meta.dirname, folder), forceESM: true });
  }
  await app.ready();
  return app;
}
