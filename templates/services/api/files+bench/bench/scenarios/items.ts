import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { range, ratioOf, spreadOf, table, type Effort, type Section } from '../figures.ts';
import { once, throughput, UNIQUE, type Call } from '../load.ts';
import { bars } from '../plot.ts';
import { System, type Running } from '../system.ts';

export const title = 'Your own services: items';
export const guarded = true;

const CONNECTIONS = 32;
const BODY = JSON.stringify({
  name: `chair ${UNIQUE}`,
  attributes: { colour: 'blue', legs: 4, used: false },
});

/** Each own service beside a bare route of its framework: the same pool, schemas and statements. */
export async function measure({ rounds, seconds }: Effort): Promise<Section> {
  // Where the machine is busy, too, each request is to get its turn.
  const system = await System.start({ LOG_LEVEL: 'silent', POOL_WAIT_MS: '60000' });
  try {
    const figures = new Map<string, number[]>();
    const found = system.all().flatMap(([name, one]) => {
      const program = bareOf(one);
      return program === undefined ? [] : [{ name, one, program }];
    });
    for (const { name, one, program } of found) {
      const service = await system.another(name);
      const bare = await system.bare(program, one.env, one.cwd);
      const [reads, writes] = [new Map<string, Call>(), new Map<string, Call>()];
      for (const [which, { url }] of Object.entries({ service, bare })) {
        const post: Call = { url: `${url}/v1/${name}/items`, method: 'POST', body: BODY };
        const { id } = JSON.parse(await once(post)) as { id: string };
        writes.set(`POST, ${name}, ${which}`, post);
        reads.set(`GET, ${name}, ${which}`, { url: `${post.url}/${id}` });
      }
      // Reads first: events of what was written are told to realtime for a while afterwards.
      for (const calls of [reads, writes]) {
        // In turn: what else this machine does meets both. The first round warms up and is not counted.
        for (let round = 0; round <= rounds; round += 1) {
          for (const [which, call] of calls) {
            const perSecond = await throughput(call, CONNECTIONS, round === 0 ? 1 : seconds);
            if (round > 0) figures.set(which, [...(figures.get(which) ?? []), perSecond]);
          }
        }
      }
      await service.stop();
      await bare.stop();
    }
    const ratio = (verb: string, name: string) =>
      ratioOf(
        figures.get(`${verb}, ${name}, service`) ?? [],
        figures.get(`${verb}, ${name}, bare`) ?? [],
      );
    const rows = [...figures].map(([name, values]) => ({ name, spread: spreadOf(values) }));
    return {
      ratios: found.flatMap(({ name }) => [
        {
          name: `items-read-${name}`,
          label: `GET of an item: ${name} / bare route with the same pool`,
          spread: ratio('GET', name),
          goal: 0.7,
        },
        {
          name: `items-write-${name}`,
          label: `POST of an item: ${name} / bare route with the same pool`,
          spread: ratio('POST', name),
          goal: 0.7,
        },
      ]),
      text: table(
        [`${CONNECTIONS} connections`, 'per second'],
        rows.map(({ name, spread }) => [name, range(spread)]),
      ),
      plots: [
        {
          name: 'items',
          svg: bars(
            'Requests per second',
            '/s',
            rows.map((row) => ({ ...row, ours: row.name.endsWith('service') })),
          ),
        },
      ],
    };
  } finally {
    await system.stop();
  }
}

/** The program of bench/bare that stands beside services of this kind. */
function bareOf({ group }: Running): string | undefined {
  const names = ['ts', 'py'].map((suffix) => `items-${group}.${suffix}`);
  return names.find((name) => existsSync(join(import.meta.dirname, '../bare', name)));
}
