import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { quantile, shown, table, type Effort, type Section } from '../figures.ts';
import { sample } from '../jobs.ts';
import { once as request, type Call } from '../load.ts';
import { System } from '../system.ts';

export const title = 'From the worker to the socket';
export const guarded = false;

const LOW_PER_SECOND = 10;
/** Of what the system can do, where it counts as busy. */
const BUSY_SHARE = 0.7;
const PROBE_JOBS = 300;
/** One socket must not follow them all. */
const SOCKETS = 16;

interface Message {
  op: string;
  topic: string;
  id?: string;
  type?: string;
}

/** From the time that Redis gave an event to its arrival at a client that follows the job already. */
export async function measure({ rounds, seconds }: Effort): Promise<Section> {
  const system = await System.start();
  try {
    const gateway = await system.another('gateway');
    const url = `${system
      .find('realtime')
      .url.replace(/^http/, 'ws')
      .replace(/\/v1\/ws$/, '')}/v1/ws`;
    const post: Call = {
      url: `${gateway.url}/v1/predictions`,
      method: 'POST',
      body: sample(system),
    };
    const sockets = Array.from({ length: SOCKETS }, () => new WebSocket(url));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    let times: number[] = [];
    /** Since when the topic of each job that has not ended is followed. */
    const followed = new Map<string, number>();
    for (const socket of sockets) {
      socket.on('message', (data) => {
        const { op, topic, id, type } = JSON.parse(String(data)) as Message;
        const now = performance.timeOrigin + performance.now();
        if (op === 'subscribed') followed.set(topic, now);
        if (op === 'error') throw new Error(String(data));
        if (op !== 'event' || id === undefined) return;
        const told = Number(id.split('-')[0]);
        // Redis cuts its time down to a millisecond: half of one on average.
        if (told >= (followed.get(topic) ?? Infinity)) times.push(now - told - 0.5);
        if (type === 'succeeded') followed.delete(topic);
      });
    }

    async function one(job: number): Promise<void> {
      const { id } = JSON.parse(await request(post)) as { id: string };
      const topic = `jobs/${id}`;
      followed.set(topic, Infinity);
      sockets[job % SOCKETS]?.send(JSON.stringify({ op: 'subscribe', topic }));
    }

    /** @param perSecond jobs, evenly spread */
    async function run(perSecond: number, jobs: number): Promise<void> {
      times = [];
      const begun = performance.now();
      const sent: Promise<void>[] = [];
      for (let job = 0; job < jobs; job += 1) {
        const late = begun + (job / perSecond) * 1000 - performance.now();
        if (late > 0) await wait(late);
        sent.push(one(job));
      }
      await Promise.all(sent);
      while (followed.size > 0) await wait(5);
    }

    const begun = performance.now();
    await run(Infinity, PROBE_JOBS);
    const capacity = PROBE_JOBS / ((performance.now() - begun) / 1000);
    const rows: string[][] = [];
    for (const [name, perSecond] of [
      ['low', LOW_PER_SECOND],
      [`${BUSY_SHARE * 100} % of capacity`, capacity * BUSY_SHARE],
    ] as const) {
      await run(perSecond, Math.ceil(perSecond * seconds * Math.min(rounds, 3)));
      const sorted = times.toSorted((a, b) => a - b);
      rows.push([
        name,
        shown(perSecond),
        shown(quantile(sorted, 0.5)),
        shown(quantile(sorted, 0.99)),
      ]);
    }
    for (const socket of sockets) socket.close();
    return {
      ratios: [],
      text: table(['load', 'jobs per second', 'p50, ms', 'p99, ms'], rows),
      plots: [],
    };
  } finally {
    await system.stop();
  }
}
