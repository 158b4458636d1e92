import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  quantile,
  range,
  ratioOf,
  shown,
  spreadOf,
  table,
  type Effort,
  type Section,
} from '../figures.ts';
import { memoryOf, System } from '../system.ts';

export const title = 'Sockets';
export const guarded = true;

const READERS = 1_000;
const IDLE = 10_000;
const EVENTS = 40;
/** Published at once, and again when all have arrived. */
const BURST = 10;
const TOPIC = 'channels/bench';

interface Message {
  op: string;
  data?: { sent: number };
}

/** One event to a thousand readers, and ten thousand sockets that do nothing, beside bare `ws`. */
export async function measure({ rounds }: Effort): Promise<Section> {
  const system = await System.start();
  try {
    const ours = await system.another('realtime');
    const bare = await system.bare('sockets.ts');
    const subjects = {
      realtime: { url: `${ours.url.replace('http', 'ws')}/v1/ws`, pid: ours.pid, subscribes: true },
      bare: { url: bare.url.replace('http', 'ws'), pid: bare.pid, subscribes: false },
    };
    const names = ['realtime', 'bare'] as const;
    // First, while neither holds memory of other sockets.
    const memory: Record<string, number> = {};
    for (const name of names) {
      const { url, pid } = subjects[name];
      const before = await memoryOf(pid);
      const audience = await Audience.gather(url, false, IDLE);
      memory[name] = ((await memoryOf(pid)) - before) * (1024 / IDLE);
      await audience.leave();
    }
    const perSecond = { realtime: [] as number[], bare: [] as number[] };
    const p50 = { realtime: [] as number[], bare: [] as number[] };
    const p99 = { realtime: [] as number[], bare: [] as number[] };
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of names) {
        const { url, subscribes } = subjects[name];
        const audience = await Audience.gather(url, subscribes, READERS);
        const times = await audience.latencies();
        const rate = await audience.deliveries();
        await audience.leave();
        if (round === 0) continue;
        perSecond[name].push(rate);
        p50[name].push(quantile(times, 0.5));
        p99[name].push(quantile(times, 0.99));
      }
    }
    return {
      ratios: [
        {
          name: 'fan_out',
          label: `events delivered to ${READERS} sockets: realtime / bare ws`,
          spread: ratioOf(perSecond.realtime, perSecond.bare),
          goal: 0.8,
        },
      ],
      text: table(
        [
          `${READERS} readers`,
          'deliveries per second',
          'one event, p50, ms',
          'p99, ms',
          `KiB a socket, ${IDLE} idle`,
        ],
        names.map((name) => [
          name,
          range(spreadOf(perSecond[name])),
          range(spreadOf(p50[name])),
          range(spreadOf(p99[name])),
          shown(memory[name] ?? Number.NaN),
        ]),
      ),
      plots: [],
    };
  } finally {
    await system.stop();
  }
}

/** Sockets that read one topic, and one that publishes. */
class Audience {
  readonly #sockets: WebSocket[] = [];
  #times: number[] = [];
  #left = 0;
  #allArrived = (): void => {};

  static async gather(url: string, subscribes: boolean, count: number): Promise<Audience> {
    const audience = new Audience();
    const waiting = 200;
    for (let index = 0; index < count; index += waiting) {
      const some = Array.from({ length: Math.min(waiting, count - index) }, async () => {
        const socket = new WebSocket(url, { perMessageDeflate: false });
        await once(socket, 'open');
        if (subscribes) {
          socket.send(JSON.stringify({ op: 'subscribe', topic: TOPIC }));
          await once(socket, 'message');
        }
        socket.on('message', (data) => audience.#arrived(String(data)));
        audience.#sockets.push(socket);
      });
      await Promise.all(some);
    }
    return audience;
  }

  #arrived(text: string): void {
    if (!text.startsWith('{"op":"event"')) return;
    const { data } = JSON.parse(text) as Message;
    if (data?.sent === undefined) return;
    this.#times.push(performance.now() - data.sent);
    this.#left -= 1;
    if (this.#left === 0) this.#allArrived();
  }

  async #publish(events: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#allArrived = resolve;
    this.#left = events * this.#sockets.length;
    for (let event = 0; event < events; event += 1) {
      const message = { op: 'publish', topic: TOPIC, data: { sent: performance.now() } };
      this.#sockets[0]?.send(JSON.stringify(message));
    }
    await promise;
  }

  /** How long one event takes to each reader, in milliseconds, ascending. */
  async latencies(): Promise<number[]> {
    this.#times = [];
    for (let event = 0; event < EVENTS; event += 1) await this.#publish(1);
    return this.#times.toSorted((a, b) => a - b);
  }

  /** Deliveries per second while events come as fast as they are read. */
  async deliveries(): Promise<number> {
    const begun = performance.now();
    for (let event = 0; event < EVENTS; event += BURST) await this.#publish(BURST);
    return (EVENTS * this.#sockets.length) / ((performance.now() - begun) / 1000);
  }

  async leave(): Promise<void> {
    const closed = this.#sockets.map((socket) => once(socket, 'close'));
    for (const socket of this.#sockets) socket.close();
    await Promise.all(closed);
  }
}
