import type { FastifyInstance, RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ServerConfig } from './settings.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What OpenAPI is to say of an operation, and a route's schema has no words for. */
    openapi?: Documented;
  }
}

/** Parts of an operation, in the words of OpenAPI 3.1. */
export interface Documented {
  [name: string]: unknown;
}

/** An answer's header. */
export function header(description: string): Documented {
  return { description, schema: { type: 'string' } };
}

const RETRY_AFTER = { 'Retry-After': header('After so many seconds it may be tried again.') };

const HEADERS: Record<string, Documented> = {
  401: { 'WWW-Authenticate': header('How to send a key.') },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};

/** For `@fastify/swagger`: OpenAPI 3.1 of the routes that are added from now on. */
export function openapiOptions(app: FastifyInstance, config: ServerConfig) {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title: config.SERVICE_NAME, version: '1' },
      components: { securitySchemes: { key: { type: 'http' as const, scheme: 'bearer' } } },
      ...(config.API_KEYS_FILE && { security: [{ key: [] }] }),
    },
    transform: jsonSchemaTransform,
    transformObject: completion(app),
  };
}

/** For `@fastify/swagger-ui`. */
export const docsOptions = {
  routePrefix: '/docs',
  staticCSP: {
    'default-src': "'self'",
    'img-src': ["'self'", 'data:'],
    'style-src': ["'self'", "'unsafe-inline'"],
    'frame-ancestors': "'none'",
  },
};

/** A hook `onRoute`: nobody needs an API key for the routes that are added from now on. */
export function withoutKey(route: RouteOptions): void {
  route.config = { ...route.config, public: true };
}

/** Puts in what routes say in `config.openapi`. */
function completion(app: FastifyInstance): typeof jsonSchemaTransformObject {
  const known = new Map<string, Documented>();
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.openapi) known.set(operationKey(String(method), url), config.openapi);
  });
  return (document) => {
    const { paths: found, ...rest } = jsonSchemaTransformObject(document);
    const paths = completePaths(found, known);
    if ('components' in rest) dropUnused(rest.components?.schemas ?? {}, paths);
    return { ...rest, paths };
  };
}

const Operations = z.record(
  z.string(),
  z.record(
    z.string(),
    z.looseObject({
      operationId: z.string().optional(),
      responses: z.record(
        z.string(),
        z.looseObject({
          headers: z.record(z.string(), z.unknown()).optional(),
          links: z.record(z.string(), z.looseObject({ operationId: z.string() })).optional(),
        }),
      ),
    }),
  ),
);

/** The `paths` of a document with what is `known` of operations beside their schemas. */
function completePaths(
  paths: unknown,
  known: ReadonlyMap<string, Documented>,
): z.output<typeof Operations> {
  const complete = Operations.parse(paths);
  const operations = Object.values(complete).flatMap((path) => Object.values(path));
  const ids = new Set(operations.map(({ operationId }) => operationId));
  for (const [path, methods] of Object.entries(complete)) {
    for (const [method, operation] of Object.entries(methods)) {
      merge(operation, known.get(operationKey(method, path)) ?? {});
      for (const [status, answer] of Object.entries(operation.responses)) {
        merge(answer, HEADERS[status] ? { headers: HEADERS[status] } : {});
        // What is linked to may be in a component that is not there.
        for (const [name, { operationId }] of Object.entries(answer.links ?? {})) {
          if (!ids.has(operationId)) delete answer.links?.[name];
        }
      }
    }
  }
  return complete;
}

const SCHEMA = /"#\/components\/schemas\/([^"]+)"/g;

/**
 * Takes out schemas that `paths` do not lead to: of each with a name there are two, as it is sent and
 * as it is received.
 */
function dropUnused(schemas: Record<string, unknown>, paths: unknown): void {
  const used = new Set<string>();
  const follow = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(SCHEMA)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name] ?? {});
    }
  };
  follow(paths);
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name];
}

/** Of a route, or of an operation. */
function operationKey(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`;
}

function merge(into: Documented, more: Documented): void {
  for (const [name, value] of Object.entries(more)) {
    const earlier = into[name];
    if (isObject(earlier) && isObject(value)) merge(earlier, value);
    else into[name] = value;
  }
}

function isObject(value: unknown): value is Documented {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
