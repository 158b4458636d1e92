import { range, ratioOf, shown, spreadOf, table, type Effort, type Section } from '../figures.ts';
import { sample } from '../jobs.ts';
import { latency, throughput, type Call } from '../load.ts';
import { System } from '../system.ts';

export const title = 'Inference through the gateway';
export const guarded = true;

const CONNECTIONS = 32;
const REQUESTS = 300;

/** `POST /v2/models/digits/infer` through the gateway, and straight to inference. */
export async function measure({ rounds, seconds }: Effort): Promise<Section> {
  const system = await System.start();
  try {
    const inference = await system.another('inference');
    const { SERVICE_NAME = '' } = inference.env;
    const gateway = await system.another('gateway', {
      INFERENCE_URLS: `${SERVICE_NAME}=${inference.url}`,
    });
    const { input } = JSON.parse(sample(system)) as { input: unknown };
    const body = JSON.stringify(input);
    const call = (url: string): Call => ({
      url: `${url}/v2/models/digits/infer`,
      method: 'POST',
      body,
    });
    const subjects = { straight: call(inference.url), gateway: call(gateway.url) };
    const perSecond = { straight: [] as number[], gateway: [] as number[] };
    const median = { straight: [] as number[], gateway: [] as number[] };
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of ['straight', 'gateway'] as const) {
        const one = await throughput(subjects[name], CONNECTIONS, round === 0 ? 1 : seconds);
        const time = await latency(subjects[name], REQUESTS);
        if (round === 0) continue;
        perSecond[name].push(one);
        median[name].push(time);
      }
    }
    const more = median.gateway.map((time, round) => time - (median.straight[round] ?? 0));
    return {
      ratios: [
        {
          name: 'infer',
          label: `infer at ${CONNECTIONS} connections: through the gateway / straight`,
          spread: ratioOf(perSecond.gateway, perSecond.straight),
          goal: 0.9,
        },
      ],
      text: [
        table(
          ['', `per second, ${CONNECTIONS} connections`, 'median of one connection, ms'],
          (['straight', 'gateway'] as const).map((name) => [
            name,
            range(spreadOf(perSecond[name])),
            range(spreadOf(median[name])),
          ]),
        ),
        `At the median of one connection the gateway adds ${shown(spreadOf(more).median)} ms (goal: at most 1 ms).`,
      ].join('\n\n'),
      plots: [],
    };
  } finally {
    await system.stop();
  }
}
