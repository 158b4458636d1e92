import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractsDir } from '@app/contracts';
import { nameOf } from '@app/sessions/channels';
import { subOf } from '@app/sessions/sessions';
import plugin from 'fastify-plugin';
import { z } from 'zod';
import type { Opener } from './openers.ts';

const FILE = join(contractsDir, 'channels.json');
const roles = z.array(z.string()).optional();

const Rule = z.strictObject({
  /** Names of channels: `*` stands for anything, `{sub}` for who asks, as `nameOf` writes it. */
  channels: z.string().regex(/^(?:[A-Za-z0-9_.*-]|\{sub\})+$/, 'is no name of channels'),
  /** Roles, one of which it takes; everybody where they are not named, nobody where there are none. */
  read: roles,
  publish: roles,
});

/** Who may read channels and publish in them, as contracts/channels.json says: the first rule that fits. */
export default plugin(
  async (app) => {
    const parsed = z.array(Rule).safeParse(JSON.parse(readFileSync(FILE, 'utf8')));
    if (!parsed.success) throw new Error(`${FILE}: ${z.prettifyError(parsed.error)}`);
    // Nobody fills the log by asking again.
    const told = new WeakSet<Opener>();
    app.permissions.push((opener, act, { kind, name }) => {
      if (kind.prefix !== 'channels') return true;
      const rule = parsed.data.find(({ channels }) => fits(channels, name, opener));
      const needed = rule?.[act];
      const allowed = needed === undefined || needed.some((role) => opener.roles?.includes(role));
      if (!allowed && !told.has(opener)) {
        told.add(opener);
        const { caller } = opener;
        app.log.warn({ event: 'authz_fail', caller, act, channel: name }, 'a channel was refused');
      }
      return allowed;
    });
  },
  { name: 'permissions', dependencies: ['openers'] },
);

function fits(channels: string, name: string, { caller }: Opener): boolean {
  // An API key is no person, and an address is none.
  if (channels.includes('{sub}') && !caller.startsWith('user:')) return false;
  const text = channels.replaceAll('{sub}', nameOf(subOf(caller)));
  return new RegExp(`^${text.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(name);
}
