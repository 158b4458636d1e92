import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { range, shown, spreadOf, table, type Effort, type Section } from '../figures.ts';
import { memoryOf, System } from '../system.ts';

export const title = 'Start and rest';
export const guarded = false;

/** Milliseconds after which a process that is ready counts as at rest. */
const SETTLED_MS = 2_000;

/** From exec to ready, and memory at rest, beside the runtime that runs nothing. */
export async function measure({ rounds }: Effort): Promise<Section> {
  const system = await System.start();
  try {
    const rows: string[][] = [];
    const groups = [...new Set(system.all().map(([, { group }]) => group))];
    for (const group of groups.filter((name) => name !== '')) {
      const program = system.find(group).command[0] ?? '';
      const empty = program === 'node' ? ['node', '-e', '0'] : ['python', '-c', 'pass'];
      const started: number[] = [];
      const bare: number[] = [];
      let memory = 0;
      for (let round = 0; round < rounds; round += 1) {
        bare.push(await timeOf(empty));
        const one = await system.another(group);
        started.push(one.startedMs);
        if (round === 0) {
          await wait(SETTLED_MS);
          memory = await memoryOf(one.pid);
        }
        await one.stop();
      }
      rows.push([
        group,
        range(spreadOf(started)),
        range(spreadOf(bare)),
        shown(spreadOf(started).median / spreadOf(bare).median),
        shown(memory),
      ]);
    }
    const head = ['service', 'ready after, ms', 'empty program, ms', 'ratio', 'at rest, MiB'];
    return { ratios: [], text: table(head, rows), plots: [] };
  } finally {
    await system.stop();
  }
}

async function timeOf([program = '', ...args]: readonly string[]): Promise<number> {
  const begun = performance.now();
  await once(spawn(program, args), 'exit');
  return performance.now() - begun;
}
