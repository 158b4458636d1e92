import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { range, ratioOf, spreadOf, table, type Effort, type Section } from '../figures.ts';
import { loaded, type Call } from '../load.ts';
import { bars } from '../plot.ts';
import { ROOT, System } from '../system.ts';

export const title = 'Micro-batching';
export const guarded = false;

const CONNECTIONS = 32;
const ROWS = 16;
const WIDTH = 1024;
const program = join(ROOT, 'bench', 'slow_model.py');

/** A model of about 5 ms, with batches and without, and in a process of its own. */
export async function measure({ rounds, seconds }: Effort): Promise<Section> {
  const system = await System.start();
  try {
    const models = join(system.folder, 'models');
    await python('make', models);
    const MODELS_DIR = models;
    const on = await system.another('inference', { MODELS_DIR, BATCH_MAX_ROWS: String(ROWS) });
    const off = await system.another('inference', { MODELS_DIR, BATCH_MAX_ROWS: '1' });
    const data = Array.from({ length: WIDTH }, (_, index) => (index % 17) / 17);
    const body = JSON.stringify({
      inputs: [{ name: 'x', shape: [1, WIDTH], datatype: 'FP32', data }],
    });
    const call = (url: string): Call => ({
      url: `${url}/v2/models/slow/infer`,
      method: 'POST',
      body,
    });
    const subjects = { on: call(on.url), off: call(off.url) };
    const perSecond = { on: [] as number[], off: [] as number[], alone: [] as number[] };
    const p99 = { on: [] as number[], off: [] as number[] };
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of ['on', 'off'] as const) {
        const one = await loaded(subjects[name], CONNECTIONS, round === 0 ? 1 : seconds);
        if (round === 0) continue;
        perSecond[name].push(one.perSecond);
        p99[name].push(one.p99);
      }
      const rows = await python('run', models, String(ROWS), String(seconds));
      if (round > 0) perSecond.alone.push(Number(rows));
    }
    const names = { on: `batches of ${ROWS}`, off: 'one by one', alone: 'onnxruntime alone' };
    const rows = (['on', 'off', 'alone'] as const).map((name) => ({
      name: names[name],
      spread: spreadOf(perSecond[name]),
      ours: name === 'on',
    }));
    return {
      ratios: [
        {
          name: 'batching',
          label: 'micro-batching: on / off',
          spread: ratioOf(perSecond.on, perSecond.off),
        },
        {
          name: 'batching_limit',
          label: `micro-batching / onnxruntime alone with batches of ${ROWS}`,
          spread: ratioOf(perSecond.on, perSecond.alone),
          goal: 0.7,
        },
      ],
      text: table(
        [`${CONNECTIONS} connections`, 'rows per second', 'p99, ms'],
        rows.map(({ name, spread }) => [
          name,
          range(spread),
          name === names.alone ? '' : range(spreadOf(name === names.on ? p99.on : p99.off)),
        ]),
      ),
      plots: [{ name: 'batching', svg: bars('Rows per second', '/s', rows) }],
    };
  } finally {
    await system.stop();
  }
}

async function python(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('python', [program, ...args]);
  return stdout.trim();
}
