import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { ROOT, type System } from './system.ts';

/** The body of a prediction that every inference service can run. */
export function sample(system: System): string {
  const service = `${system.find('inference').env['SERVICE_NAME']}`;
  return readFileSync(join(ROOT, 'services', service, 'models/digits/1/sample.json'), 'utf8');
}

/** The system's Redis; to be destroyed. */
export async function redisOf(system: System) {
  const redis = createClient({
    url: `redis://127.0.0.1:${new URL(system.find('redis').url).port}`,
  });
  redis.on('error', () => {});
  await redis.connect();
  return redis;
}

/** Nobody takes jobs meanwhile: what accepting costs is measured alone. */
export async function withoutWorkers<T>(system: System, work: () => Promise<T>): Promise<T> {
  const workers = system.all().filter(([, { group }]) => group === 'worker');
  for (const [, { pid }] of workers) process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    const redis = await redisOf(system);
    await redis.flushAll();
    redis.destroy();
    for (const [, { pid }] of workers) process.kill(pid, 'SIGCONT');
  }
}
