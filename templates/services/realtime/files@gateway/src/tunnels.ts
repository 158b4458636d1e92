import { randomBytes } from 'node:crypto';
import { request as ask, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { refuse } from './connection.ts';
import { unavailable } from './problems.ts';

/** So many clients are sent away in a millisecond: they all come back at once otherwise. */
const LEAVES_PER_MS = 0.1;

const SERVICE_RESTART = 1012;

/** How long a client may take to end after the service behind has. */
const LINGER_MS = 5_000;

/**
 * WebSockets that pass through. Bytes are piped and messages are not looked at, so that a client
 * that reads slowly is slow for the service behind, which knows what to do, and fills no memory here.
 */
export class Tunnels {
  readonly #upstream: string;
  readonly #open = new Map<Duplex, Duplex>();
  #onEmpty = (): void => {};

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
    const spread = Math.min(this.#open.size / LEAVES_PER_MS, ms / 2);
    const asked = [...this.#open.values()].map(async (service) => {
      await wait(Math.random() * spread);
      if (service.writable) service.write(closeFrame(SERVICE_RESTART));
    });
    await Promise.all(asked);
    if (this.#open.size > 0) {
      const empty = new AbortController();
      this.#onEmpty = () => empty.abort();
      await wait(ms / 2, undefined, { signal: empty.signal }).catch(() => undefined);
    }
    for (const client of this.#open.keys()) client.destroy();
  }

  #join(client: Duplex, service: Duplex): void {
    this.#open.set(client, service);
    service.on('error', () => service.destroy());
    client.once('close', () => {
      service.destroy();
      this.#open.delete(client);
      if (this.#open.size === 0) this.#onEmpty();
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
