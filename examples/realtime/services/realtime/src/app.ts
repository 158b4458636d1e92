import { join } from 'node:path';
import { Problem } from '@app/http/problems';
import { admission, createServer, health } from '@app/http/server';
import autoload from '@fastify/autoload';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';

declare module 'fastify' {
  interface FastifyInstance {
    config: Config;
  }
}

/** The service, ready to listen. */
export async function buildApp(config: Config): Promise<FastifyInstance> {
  const app = createServer(config, { routerOptions: { maxParamLength: 256 } });
  app.decorate('config', config);
  app.setNotFoundHandler((request) => {
    throw new Problem(404, 'not-found', `There is nothing at ${request.url}.`);
  });

  await app.register(cors, { origin: config.ALLOWED_ORIGINS, methods: ['GET'] });
  await app.register(admission);
  await app.register(autoload, files('plugins'));
  await app.register(health);
  await app.register(autoload, files('routes'));
  await app.ready();
  return app;
}

function files(folder: string): { dir: string; forceESM: boolean } {
  return { dir: join(import.meta.dirname, folder), forceESM: true };
}
