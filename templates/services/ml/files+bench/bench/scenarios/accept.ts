import { range, ratioOf, spreadOf, table, type Effort, type Section } from '../figures.ts';
import { sample, withoutWorkers } from '../jobs.ts';
import { once, throughput, type Call } from '../load.ts';
import { bars } from '../plot.ts';
import { System } from '../system.ts';

export const title = 'Accepting and reading jobs';
export const guarded = true;

const CONNECTIONS = 32;

/** The gateway beside a bare Fastify route with the same write to Redis. */
export async function measure({ rounds, seconds }: Effort): Promise<Section> {
  const system = await System.start();
  try {
    const gateway = await system.another('gateway');
    const { REDIS_URL = '' } = gateway.env;
    const SERVICE = system.find('inference').env['SERVICE_NAME'] ?? '';
    const bare = await system.bare('accept.ts', { REDIS_URL, SERVICE });
    const body = sample(system);
    const figures: Record<string, number[]> = {};
    await withoutWorkers(system, async () => {
      const calls: Record<string, Call> = {};
      for (const [name, { url }] of Object.entries({ gateway, bare })) {
        const post: Call = { url: `${url}/v1/predictions`, method: 'POST', body };
        const { id } = JSON.parse(await once(post)) as { id: string };
        calls[`POST, ${name}`] = post;
        calls[`GET, ${name}`] = { url: `${url}/v1/predictions/${id}` };
      }
      // The first round warms both up and is not counted.
      for (let round = 0; round <= rounds; round += 1) {
        for (const [name, call] of Object.entries(calls)) {
          const perSecond = await throughput(call, CONNECTIONS, round === 0 ? 1 : seconds);
          if (round > 0) (figures[name] ??= []).push(perSecond);
        }
      }
    });
    const spread = (name: string) => spreadOf(figures[name] ?? []);
    const ratio = (verb: string) =>
      ratioOf(figures[`${verb}, gateway`] ?? [], figures[`${verb}, bare`] ?? []);
    const names = Object.keys(figures).sort().toReversed();
    return {
      ratios: [
        {
          name: 'accept',
          label: 'accept (202): gateway / bare Fastify route with the same Redis write',
          spread: ratio('POST'),
          goal: 0.7,
        },
        {
          name: 'read',
          label: 'GET of a job: gateway / bare Fastify route',
          spread: ratio('GET'),
          goal: 0.7,
        },
      ],
      text: table(
        [`${CONNECTIONS} connections`, 'per second'],
        names.map((name) => [name, range(spread(name))]),
      ),
      plots: [
        {
          name: 'accept',
          svg: bars(
            'Requests per second',
            '/s',
            names.map((name) => ({ name, spread: spread(name), ours: name.includes('gateway') })),
          ),
        },
      ],
    };
  } finally {
    await system.stop();
  }
}
