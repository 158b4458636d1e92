import { orExit, readEnvironment } from '@app/http/settings';
import { z } from 'zod';
import { migrateDown, migrateUp } from './migrations.ts';
import { databaseSettings } from './settings.ts';

/** The program that migrates a database: its first argument is `up`, which is the default, or `down`. */
export async function runMigrations(folder: string): Promise<void> {
  const config = orExit(() => readEnvironment(z.object(databaseSettings), process.env));
  const [direction = 'up', ...rest] = process.argv.slice(2);
  if (!['up', 'down'].includes(direction) || rest.length > 0) {
    console.error('usage: node src/migrate.ts [up|down]');
    process.exit(1);
  }
  try {
    const names = await (direction === 'up' ? migrateUp : migrateDown)({
      url: config.DATABASE_URL,
      folder,
      lockTimeoutMs: config.LOCK_TIMEOUT_MS,
    });
    const done = direction === 'up' ? 'applied' : 'undone';
    for (const name of names) console.log(`${name} is ${done}`);
    if (names.length === 0) console.log('nothing to do');
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
