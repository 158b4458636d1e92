import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { contractsDir } from '@app/contracts';
import { connect } from '@app/state';
import { TestRedis } from '@app/state/testing';
import { z } from 'zod';

const limits = { result_s: 60, events_s: 30, dead_s: 600, events_maxlen: 1_000 };
const base: Record<string, object> = {
  accept: { caller: 'ann', service: 's', model: 'm', deadline_s: 60, max_live: 9 },
  start: { owner: 'me', lease_ms: 30_000, max_attempts: 3 },
  heartbeat: { lease_ms: 30_000 },
  progress: { progress: 0.5 },
  finish: { status: 'succeeded' },
  retry: { delay_ms: 0, max_attempts: 3 },
  release: { delay_ms: 0 },
  cancel: {},
};
const fences: Record<string, object> = { right: { fence: 1 }, stale: { fence: 7 }, none: {} };

/** From state, script, fence -> result, state. Python runs the same table. */
const table = z
  .array(z.tuple([z.string(), z.string(), z.string(), z.string(), z.string()]))
  .parse(JSON.parse(readFileSync(join(contractsDir, 'transitions.json'), 'utf8')));

test('a job goes from state to state as the table says', async (t) => {
  const server = await TestRedis.start();
  const client = connect(server.url, 'test', { info() {}, warn() {} });
  t.after(async () => {
    client.destroy();
    await server.end();
  });
  await once(client, 'ready');

  async function run(name: string, more: object = {}): Promise<string> {
    const args = { id: 'a', stream: false, limits, ...base[name], ...more };
    const parts = ['lib', name].map((part) => join(contractsDir, 'lua', `${part}.lua`));
    const script = parts.map((path) => readFileSync(path, 'utf8')).join('\n');
    const reply = await client.eval(script, { arguments: [JSON.stringify(args), '{}'] });
    return JSON.parse(String(Array.isArray(reply) ? reply[0] : reply)).result;
  }

  for (const [state, script, fence, result, after] of table) {
    const row = `${state}, ${script}, ${fence} fence`;
    await client.flushAll();
    if (state !== 'missing') await run('accept');
    if (!['missing', 'queued'].includes(state)) await run('start', { owner: 'other' });
    if (!['missing', 'queued', 'running'].includes(state)) {
      await run('finish', { fence: 1, status: state });
    }
    assert.equal(await run(script, fences[fence]), result, row);
    assert.equal((await client.hGet('job:a', 'status')) ?? 'missing', after, row);
  }
});
