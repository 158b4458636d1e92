import { randomBytes } from 'node:crypto';
import { request as ask, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Clients } from '@app/http/clients';
import { hasSeveralHosts, originForm, refuse } from '@app/http/connection';
import { Problem, unavailable } from '@app/http/problems';
import proxyAddr from '@fastify/proxy-addr';
import plugin from 'fastify-plugin';

const SERVICE_RESTART = 1012;

/** How long a client may take to end after the service behind has. */
const LINGER_MS = 5_000;

/** Passes WebSockets on to realtime, where no proxy in front does. */
export default plugin(
  async (app) => {
    const tunnels = new Tunnels(app.config.REALTIME_URL);
    const trusted = proxyAddr.compile(app.config.TRUST_PROXY);

    function refusalOf(url: string, request: IncomingMessage): Problem | undefined {
      if (hasSeveralHosts(request)) {
        return new Problem(400, 'bad-request', 'There is more than one header `Host`.');
      }
      if (app.draining.aborted) return unavailable('draining', 'This gateway stops.');
      if (url.replace(/\?.*/s, '') === '/v1/ws') return undefined;
      return new Problem(404, 'not-found', 'There is no WebSocket here.');
    }

    /** Counts it among its caller's requests; without a valid key, among those of its address. */
    function overLimit(request: IncomingMessage): Problem | undefined {
      const { authorization, 'sec-websocket-protocol': protocol } = request.headers;
      // Fastify finds it so for requests.
      const address = proxyAddr(request, trusted);
      const caller = app.callers.identify({ authorization, protocol, address }) ?? address;
      const { count, left } = app.requestCounts.read(caller);
      if (count >= app.config.RATE_LIMIT_PER_MINUTE) {
        return new Problem(429, 'too-many-requests', 'These are too many requests in a minute.', {
          headers: { 'retry-after': String(Math.ceil(left / 1_000)) },
        });
      }
      app.requestCounts.add(caller, 1);
      return undefined;
    }

    app.server.on('upgrade', (request, socket, head) => {
      const url = originForm(request.url ?? '/');
      const refusal = refusalOf(url, request) ?? overLimit(request);
      if (refusal) refuse(socket, refusal, url);
      else tunnels.open(url, request, socket, head);
    });
    app.addHook('preClose', async () => tunnels.drain((app.config.DRAIN_S * 1_000) / 2));
  },
  { dependencies: ['admission'] },
);

/**
 * WebSockets that pass through. Bytes are piped and messages are not looked at, so that a client
 * that reads slowly is slow for the service behind, which knows what to do, and fills no memory here.
 */
class Tunnels {
  readonly #upstream: string;
  readonly #clients = new Clients();
  readonly #open = new Set<Duplex>();

  constructor(upstream: string) {
    this.#upstream = upstream;
  }

  /** Passes on a request for a WebSocket at `url`; the service behind accepts it or not. */
  open(url: string, request: IncomingMessage, client: Duplex, head: Buffer): void {
    client.on('error', () => client.destroy());
    const passed = ask(`${this.#upstream}${url}`, {
      headers: request.headers,
      agent: false,
    });
    client.once('close', () => passed.destroy());
    passed.on('upgrade', (response, service, serviceHead) => {
      client.write(headOf(response));
      client.write(serviceHead);
      service.write(head);
      this.#join(client, service);
    });
    passed.on('response', (response) => {
      client.write(headOf(response));
      response.pipe(client);
    });
    passed.on('error', (error) => {
      if (!client.writable || this.#open.has(client)) return;
      const problem = unavailable('realtime-unavailable', 'Realtime did not answer.', error);
      refuse(client, problem, url);
    });
    passed.end();
  }

  /** Asks all services behind to close, as if the clients had; cuts what is left after `ms`. */
  async drain(ms: number): Promise<void> {
    await this.#clients.drain(ms / 2, ms / 2);
    for (const client of this.#open) client.destroy();
  }

  #join(client: Duplex, service: Duplex): void {
    this.#open.add(client);
    const gone = this.#clients.add(() => {
      if (service.writable) service.write(closeFrame(SERVICE_RESTART));
    });
    service.on('error', () => service.destroy());
    client.once('close', () => {
      service.destroy();
      this.#open.delete(client);
      gone();
    });
    service.once('close', () => {
      // Read on, or the client's own end would never be seen; one that does not end is cut.
      client.resume().end();
      const timer = setTimeout(() => client.destroy(), LINGER_MS);
      client.once('close', () => clearTimeout(timer));
    });
    client.pipe(service);
    service.pipe(client);
  }
}

function headOf(response: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (const [index, text] of response.rawHeaders.entries()) {
    if (index % 2 === 0) lines.push(`${text}: ${response.rawHeaders[index + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A client's close frame (RFC 6455, 5.5.1): final, opcode 8, two bytes of payload, masked. */
function closeFrame(code: number): Buffer {
  const mask = randomBytes(4);
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  const masked = payload.map((byte, index) => byte ^ (mask[index] ?? 0));
  return Buffer.concat([Buffer.from([0x88, 0x82]), mask, masked]);
}
