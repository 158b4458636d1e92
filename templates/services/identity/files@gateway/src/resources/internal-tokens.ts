import { InternalTokens } from '@app/identity/internal-token';
import type { FastifyInstance } from 'fastify';
import plugin from 'fastify-plugin';
import { z } from 'zod';

declare module 'fastify' {
  interface FastifyInstance {
    /** What this gateway signs who calls with. */
    internalTokens: InternalTokens;
    /** The public keys of all gateways that run: a service cannot tell whose token it gets. */
    internalTokenKeys: () => Promise<unknown[]>;
  }
}

const KEYS = 'gateway-keys';
const TOLD_AGAIN_MS = 30_000;
/** A gateway that has said nothing for so long is gone, and its last token has ended. */
const KEPT_MS = 180_000;

const Told = z.object({ jwk: z.looseObject({ kid: z.string() }), until: z.number() });

/** Makes this process a key of its own, and tells the others of it. */
export default plugin(
  async (app) => {
    const tokens = await InternalTokens.create();
    const own = tokens.publicKey;
    app.decorate('internalTokens', tokens);
    app.decorate('internalTokenKeys', async () => {
      const told = await read(app).catch(() => []);
      return [own, ...told.map(({ jwk }) => jwk).filter(({ kid }) => kid !== own.kid)];
    });

    let timer: NodeJS.Timeout | undefined;
    let stopped = false;
    app.addHook('onReady', tell);
    app.addHook('preClose', async () => {
      stopped = true;
      clearTimeout(timer);
    });

    async function tell(): Promise<void> {
      const told = JSON.stringify({ jwk: own, until: Date.now() + KEPT_MS });
      try {
        await app.state.ask(async (redis) => redis.hSet(KEYS, own.kid, told));
      } catch (error) {
        // That the state store is lost was said by its client.
        app.log.debug({ err: error }, 'the other gateways were not told of the key');
      }
      if (!stopped) timer = setTimeout(tell, TOLD_AGAIN_MS).unref();
    }
  },
  { name: 'internal-tokens', dependencies: ['state'] },
);

/** What gateways have told of their keys; of those that are gone nothing remains. */
async function read(app: FastifyInstance): Promise<z.output<typeof Told>[]> {
  const all = Object.entries(await app.state.ask(async (redis) => redis.hGetAll(KEYS)));
  const told = all.map(([kid, text]) => ({ kid, ...Told.parse(JSON.parse(text)) }));
  const gone = told.filter(({ until }) => until < Date.now()).map(({ kid }) => kid);
  if (gone.length > 0) await app.state.ask(async (redis) => redis.hDel(KEYS, gone));
  return told.filter(({ until }) => until >= Date.now());
}
