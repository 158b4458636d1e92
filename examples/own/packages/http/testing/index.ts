import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashKey } from '../src/callers.ts';

/** A port of this machine on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

/** The path of a file of API keys, by the names of their callers. It goes after `test`. */
export function keysFile(
  test: { after: (end: () => void) => void },
  keys: Record<string, string>,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'keys');
  const lines = Object.entries(keys).map(([name, key]) => `${name}:${hashKey(key)}\n`);
  writeFileSync(path, lines.join(''));
  return path;
}
