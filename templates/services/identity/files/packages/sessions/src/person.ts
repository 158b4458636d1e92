/**
 * `node ../../packages/sessions/src/person.ts export|erase OWNER`: what the service in whose folder it
 * runs keeps of a person in the state store, or none of it any more. Each file of `src/personal/`
 * exports one kind of it as `personal`.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { orExit, readEnvironment } from '@app/http/settings';
import { connect, connected, State, stateSettings } from '@app/state';
import { z } from 'zod';
import type { Personal } from './personal.ts';

const PAUSE_MS = 100;

async function main(): Promise<void> {
  const [action, owner, ...rest] = process.argv.slice(2);
  if ((action !== 'export' && action !== 'erase') || !owner || rest.length > 0) {
    console.error('usage: node ../../packages/sessions/src/person.ts export|erase OWNER');
    process.exit(1);
  }
  const { REDIS_URL } = orExit(() => readEnvironment(z.object(stateSettings), process.env));
  const redis = connect(REDIS_URL, 'personal', { info() {}, warn() {} });
  const state = new State(redis);
  try {
    await connected(redis);
    const folder = join(process.cwd(), 'src/personal');
    const kinds: Personal[] = [];
    for (const file of (await readdir(folder)).sort()) {
      const { personal }: { personal: Personal } = await import(join(folder, file));
      if (personal.first) kinds.unshift(personal);
      else kinds.push(personal);
    }
    const answer: Record<string, unknown> = {};
    for (const kind of kinds) answer[kind.name] = await kind[action](state, owner);
    if (action === 'erase') await writeAnew(state);
    console.log(JSON.stringify(answer));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    redis.destroy();
  }
}

/** Lets Redis write its file anew: the old one has every command in it, and so what is erased now. */
async function writeAnew(state: State): Promise<void> {
  const read = async (name: string): Promise<string | undefined> => {
    const info = await state.ask(async (redis) => redis.info('persistence'));
    return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  };
  const isBusy = async () =>
    (await read('aof_rewrite_in_progress')) === '1' ||
    (await read('aof_rewrite_scheduled')) === '1';
  if ((await read('aof_enabled')) !== '1') return;
  // One that has begun before may have read what is gone by now.
  while (await isBusy()) await wait(PAUSE_MS);
  await state.ask(async (redis) => redis.bgRewriteAof());
  while (await isBusy()) await wait(PAUSE_MS);
  if ((await read('aof_last_bgrewrite_status')) !== 'ok') {
    throw new Error('Redis could not write its file anew: what is erased is still in it');
  }
}

await main();
