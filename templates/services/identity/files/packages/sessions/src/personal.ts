import { readdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { orExit, readEnvironment } from '@app/http/settings';
import { connect, connected, State, stateSettings } from '@app/state';
import { z } from 'zod';

/** What is kept of people in the state store, of one kind. An owner is what `callerOf` returns. */
export interface Personal {
  name: string;
  /** Goes before the others: who is signed in no more makes nothing new. */
  first?: boolean;
  /** All of it, as it can be given to the person. */
  export(state: State, owner: string): Promise<unknown[]>;
  /** Removes it, and returns how much there was. */
  erase(state: State, owner: string): Promise<number>;
}

const PAUSE_MS = 100;

/**
 * The program that shows or removes what a service keeps of a person: `export OWNER` or `erase OWNER`.
 * Each file of `folder` exports one kind of it as `personal`.
 */
export async function runPersonal(folder: URL): Promise<void> {
  const [action, owner, ...rest] = process.argv.slice(2);
  if ((action !== 'export' && action !== 'erase') || !owner || rest.length > 0) {
    console.error('usage: node src/person.ts export|erase OWNER');
    process.exit(1);
  }
  const { REDIS_URL } = orExit(() => readEnvironment(z.object(stateSettings), process.env));
  const redis = connect(REDIS_URL, 'personal', { info() {}, warn() {} });
  const state = new State(redis);
  try {
    await connected(redis);
    const kinds: Personal[] = [];
    for (const file of (await readdir(folder)).sort()) {
      const { personal }: { personal: Personal } = await import(new URL(file, folder).href);
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
