import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Callers } from '@app/callers';
import { WebSocketServer } from 'ws';
import { originAllowed } from './origin.ts';
import { problemDocument } from './problem.ts';
import { Socket, type Shared } from './socket.ts';

/** Turns requests for `/v1/ws` into sockets, and keeps all that are open. */
export class Sockets {
  readonly #callers: Callers;
  readonly #open = new Set<Socket>();
  readonly #server: WebSocketServer;
  readonly #shared: Shared;
  readonly #timer: NodeJS.Timeout;
  #draining = false;
  #onEmpty = (): void => {};

  constructor(callers: Callers, shared: Shared) {
    this.#callers = callers;
    this.#shared = shared;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: shared.config.WS_MAX_PAYLOAD_BYTES,
      perMessageDeflate: false,
      // Beside `v1` a browser offers its API key, which is no protocol to agree on.
      handleProtocols: (offered) => (offered.has('v1') ? 'v1' : false),
    });
    this.#timer = setInterval(() => {
      for (const socket of this.#open) socket.ping();
    }, shared.config.WS_PING_S * 1000);
  }

  readonly upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const { config, log } = this.#shared;
    const { headers, url = '/' } = request;
    stream.on('error', (error) => log.debug({ err: error }, 'upgrade failed'));
    if (URL.parse(url, 'http://localhost')?.pathname !== '/v1/ws') {
      return refuse(stream, 404, 'not-found', 'There is no WebSocket here.', url);
    }
    if (this.#draining) return refuse(stream, 503, 'draining', 'The service is stopping.', url);
    if (!originAllowed(headers, config.ALLOWED_ORIGINS)) {
      return refuse(
        stream,
        403,
        'origin-not-allowed',
        'Pages of this origin may not connect.',
        url,
      );
    }
    const caller = this.#callers.identify({
      authorization: headers.authorization,
      protocol: headers['sec-websocket-protocol'],
      address: request.socket.remoteAddress ?? '',
    });
    if (caller === undefined)
      return refuse(stream, 401, 'unauthorized', 'A valid API key is needed.', url);
    this.#server.handleUpgrade(request, stream, head, (ws) => {
      const socket = new Socket(ws, stream, caller, this.#callers.configured, this.#shared);
      this.#open.add(socket);
      ws.on('close', () => {
        this.#open.delete(socket);
        if (this.#open.size === 0) this.#onEmpty();
      });
    });
  };

  /** Takes no more sockets; returns those that are open, to be closed one by one. */
  drain(): Socket[] {
    this.#draining = true;
    return [...this.#open];
  }

  /** Resolves when no socket is open, or the time is over. */
  async closed(ms: number): Promise<void> {
    if (this.#open.size === 0) return;
    const abort = new AbortController();
    this.#onEmpty = () => abort.abort();
    await wait(ms, undefined, { signal: abort.signal }).catch(() => undefined);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.#open) socket.terminate();
  }
}

function refuse(stream: Duplex, status: number, slug: string, detail: string, url: string): void {
  const title = STATUS_CODES[status] ?? '';
  const body = problemDocument(status, slug, detail, url);
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
