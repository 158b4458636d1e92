import { setTimeout as wait } from 'node:timers/promises';
import autocannon from 'autocannon';
import { range, ratioOf, spreadOf, table, type Effort, type Section } from '../figures.ts';
import { redisOf, sample, withoutWorkers } from '../jobs.ts';
import { throughput, type Call } from '../load.ts';
import { bars } from '../plot.ts';
import { System } from '../system.ts';

export const title = 'Jobs end to end, and growth';
export const guarded = false;

const CONNECTIONS = 32;
const JOBS = 1_000;

/** From the first POST until no job is left; with one worker and two, one gateway and two. */
export async function measure({ rounds, seconds }: Effort): Promise<Section> {
  const system = await System.start();
  const redis = await redisOf(system);
  try {
    const body = sample(system);
    const post = (url: string): Call => ({ url: `${url}/v1/predictions`, method: 'POST', body });
    const first = await system.another('gateway');

    async function jobsPerSecond(): Promise<number> {
      const begun = performance.now();
      const { url } = post(first.url);
      const headers = { 'content-type': 'application/json' };
      await autocannon({
        url,
        method: 'POST',
        body,
        headers,
        connections: CONNECTIONS,
        amount: JOBS,
      });
      while ((await redis.zCard('live')) > 0) await wait(5);
      return JOBS / ((performance.now() - begun) / 1000);
    }

    const workers = { one: [] as number[], two: [] as number[] };
    for (let round = 0; round <= rounds; round += 1) {
      const alone = await jobsPerSecond();
      const second = await system.another('worker');
      const both = await jobsPerSecond();
      await second.stop();
      if (round === 0) continue;
      workers.one.push(alone);
      workers.two.push(both);
    }

    const gateways = { one: [] as number[], two: [] as number[] };
    await withoutWorkers(system, async () => {
      const second = await system.another('gateway');
      for (let round = 0; round <= rounds; round += 1) {
        const time = round === 0 ? 1 : seconds;
        const alone = await throughput(post(first.url), CONNECTIONS, time);
        const both = await Promise.all(
          [first, second].map(({ url }) => throughput(post(url), CONNECTIONS / 2, time)),
        );
        if (round === 0) continue;
        gateways.one.push(alone);
        gateways.two.push(both.reduce((sum, one) => sum + one, 0));
      }
    });
    const rows = [
      { name: 'jobs, 1 worker', spread: spreadOf(workers.one), ours: true },
      { name: 'jobs, 2 workers', spread: spreadOf(workers.two), ours: true },
      { name: 'accepts, 1 gateway', spread: spreadOf(gateways.one), ours: true },
      { name: 'accepts, 2 gateways', spread: spreadOf(gateways.two), ours: true },
    ];
    return {
      ratios: [
        {
          name: 'workers',
          label: 'jobs end to end: 2 workers / 1',
          spread: ratioOf(workers.two, workers.one),
        },
        {
          name: 'gateways',
          label: 'accepts: 2 gateways / 1',
          spread: ratioOf(gateways.two, gateways.one),
        },
      ],
      text: table(
        ['', 'per second'],
        rows.map(({ name, spread }) => [name, range(spread)]),
      ),
      plots: [{ name: 'jobs', svg: bars('Per second', '/s', rows) }],
    };
  } finally {
    redis.destroy();
    await system.stop();
  }
}
