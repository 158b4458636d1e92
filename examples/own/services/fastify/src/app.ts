import { join } from 'node:path';
import { jsonBodies } from '@app/http/body';
import { guard } from '@app/http/guard';
import { metrics } from '@app/http/metrics';
import { owners } from '@app/http/owners';
import { admission, createServer, health } from '@app/http/server';
import autoload from '@fastify/autoload';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { answerFailure } from './problems.ts';

declare module 'fastify' {
  interface FastifyInstance {
    config: Config;
  }
}

/** The service, ready to listen or to be tested with `inject`. */
export async function buildApp(config: Config): Promise<FastifyInstance> {
  const app = createServer(config, {
    bodyLimit: config.BODY_LIMIT_BYTES,
    // What is in paths is bounded by what is looked for.
    routerOptions: { maxParamLength: 1_024 },
  });
  app.decorate('config', config);

  await app.register(metrics, { service: config.SERVICE_NAME });
  await app.register(admission);
  await app.register(guard);
  await app.register(owners);
  await app.register(jsonBodies, { depthMax: config.BODY_DEPTH_MAX });
  // A feature is a file in one of these folders.
  await app.register(autoload, files('plugins'));
  await app.register(health);
  await app.register(routes, { prefix: `/v1/${config.SERVICE_NAME}` });
  await app.ready();
  return app;
}

async function routes(app: FastifyInstance): Promise<void> {
  app.setErrorHandler(answerFailure);
  await app.register(autoload, files('routes'));
}

function files(folder: string): { dir: string; forceESM: boolean } {
  return { dir: join(import.meta.dirname, folder), forceESM: true };
}
