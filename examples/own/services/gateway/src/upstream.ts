import type { IncomingHttpHeaders } from 'node:http';
import type { Problem } from '@app/http/problems';
import { traceparent } from '@app/http/trace';
import replyFrom, { type FastifyReplyFromHooks } from '@fastify/reply-from';
import type { FastifyInstance } from 'fastify';
import { Agent, type Dispatcher } from 'undici';

/** They belong to one connection, or are met here (RFC 9110, 7.6.1 and 10.1.1). */
const OF_THE_CONNECTION = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** For a body that is passed on with its own type, or without one. */
export const AS_IT_IS = 'application/octet-stream';

/** How a connection says that it is lost. */
const LOST = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Whether what may have been done already can be asked for again. */
type MayRepeat = (options: Dispatcher.RequestOptions) => boolean;

/**
 * Connections to the services behind. A service may end one that is kept just when a request is
 * written to it, such as after an error of its own with another request: what was lost so, before
 * any answer, is repeated once, on a new connection, where it may be.
 */
class Upstream {
  readonly #kept: Agent;
  readonly #fresh: Agent;
  readonly #mayRepeat: MayRepeat;

  constructor(mayRepeat: MayRepeat, options: Agent.Options) {
    this.#mayRepeat = mayRepeat;
    this.#kept = new Agent({ connections: 128, pipelining: 1, ...options });
    // Without pipelining each request has its own connection.
    this.#fresh = new Agent({ ...options, pipelining: 0 });
  }

  readonly request = (
    options: Dispatcher.RequestOptions,
    answer: (error: Error | null, response: Dispatcher.ResponseData) => void,
  ): void => {
    this.#kept.request(options, (error: NodeJS.ErrnoException | null, response) => {
      const isLost = error !== null && LOST.has(error.code ?? '');
      if (isLost && this.#mayRepeat(options)) this.#fresh.request(options, answer);
      else answer(error, response);
    });
  };

  async close(): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#fresh.destroy()]);
  }
}

/** Gives `app` replies that are `from` a service behind: see `passing`. */
export async function connectUpstream(
  app: FastifyInstance,
  options: Agent.Options,
  mayRepeat: MayRepeat = () => true,
): Promise<void> {
  const upstream = new Upstream(mayRepeat, options);
  await app.register(replyFrom, {
    // It calls the form with a callback alone.
    undici: { request: upstream.request as Dispatcher['request'] },
    disableRequestLogging: true,
    retryMethods: [],
  });
  app.addHook('onClose', () => upstream.close());
}

/** How requests are passed on; `withheld` headers stay here, beside those of the connection. */
export function passing(
  unavailable: (cause: Error) => Problem,
  withheld: readonly string[] = [],
): FastifyReplyFromHooks {
  const ofTheRequest = new Set([...OF_THE_CONNECTION, ...withheld, 'content-type']);
  const ofAnEmptyRequest = new Set([...ofTheRequest, 'content-length']);
  const ofTheAnswer = new Set(OF_THE_CONNECTION);
  return {
    rewriteRequestHeaders(request, headers) {
      const type = request.headers['content-type'];
      return {
        // A body that was not read, such as that of a GET, is not passed on.
        ...without(request.body === undefined ? ofAnEmptyRequest : ofTheRequest, headers),
        ...(type !== undefined && { 'content-type': type }),
        traceparent: traceparent(request.id),
      };
    },
    rewriteHeaders: (headers) => without(ofTheAnswer, headers),
    onError(failed, { error }) {
      failed.send(unavailable(error));
    },
  };
}

function without(names: ReadonlySet<string>, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name)));
}
