import { join } from 'node:path';
import { createServer, health } from '@app/http/server';
import autoload from '@fastify/autoload';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';

declare module 'fastify' {
  interface FastifyInstance {
    config: Config;
  }
}

/** The gateway, ready to listen or to be tested with `inject`. */
export async function buildApp(config: Config): Promise<FastifyInstance> {
  const app = createServer(config, {
    trustProxy: config.TRUST_PROXY.length > 0 ? config.TRUST_PROXY : false,
    bodyLimit: config.BODY_LIMIT_BYTES,
    // Names in paths are bounded by their schemas.
    routerOptions: { maxParamLength: 1_024 },
  });
  app.decorate('config', config);

  // What others need first, then hooks, then routes: a feature is a file in one of these folders.
  await app.register(autoload, files('resources'));
  await app.register(autoload, files('plugins'));
  await app.register(health);
  await app.register(autoload, files('routes'));
  await app.ready();
  return app;
}

function files(folder: string): { dir: string; forceESM: boolean } {
  return { dir: join(import.meta.dirname, folder), forceESM: true };
}
