import createFetchClient, { type Client, type ClientOptions } from 'openapi-fetch';
import type { components } from './openapi/gateway.ts';
import type { Paths } from './openapi/paths.ts';

export type { Paths };

/** What is in `error` of an answer that is none (RFC 9457). */
export type Problem = components['schemas']['Problem'];

export interface Options extends ClientOptions {
  /** Where the gateway is. */
  baseUrl: string;
  /** An API key, where the gateway asks for one. */
  key?: string;
}

/**
 * A client of all that is behind the gateway: `await createClient({ baseUrl }).GET('/v1/hello')`
 * gives `data`, or `error` with the problem. It rejects only where there is no answer at all.
 */
export function createClient({ key, ...options }: Options): Client<Paths> {
  const client = createFetchClient<Paths>(options);
  if (key !== undefined) {
    client.use({
      onRequest({ request }) {
        request.headers.set('authorization', `Bearer ${key}`);
      },
    });
  }
  return client;
}
