import { unavailable } from '@app/http/problems';
import { connect, State, StateUnavailable, type RedisClient } from '@app/state';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    state: State;
  }
}

/** The state store; where it is unavailable, requests are answered so. */
export class GatewayState extends State {
  override async ask<Reply>(command: (redis: RedisClient) => Promise<Reply>): Promise<Reply> {
    try {
      return await super.ask(command);
    } catch (error) {
      if (!(error instanceof StateUnavailable)) throw error;
      const detail = 'It is not known whether this was done. Repeat it, with the same key if any.';
      throw unavailable('broker-unavailable', detail, error.cause);
    }
  }
}

export default plugin(
  async (app) => {
    const redis = connect(app.config.REDIS_URL, app.config.SERVICE_NAME, app.log);
    app.decorate('state', new GatewayState(redis));
    app.addHook('onClose', async () => redis.destroy());
  },
  { name: 'state' },
);
