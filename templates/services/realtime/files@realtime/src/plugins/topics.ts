import { connect, connected, Hints, State } from '@app/state';
import plugin from 'fastify-plugin';
import { Hub } from '../hub.ts';
import { Presence } from '../presence.ts';
import { loadTopics, type Topics } from '../topic.ts';

declare module 'fastify' {
  interface FastifyInstance {
    hints: Hints;
    hub: Hub;
    presence: Presence;
    state: State;
    topics: Topics;
  }
}

/** What there is to read and who reads it, in Redis. */
export default plugin(
  async (app) => {
    const { config, log } = app;
    const redis = connect(config.REDIS_URL, config.SERVICE_NAME, log);
    const subscriber = connect(config.REDIS_URL, `${config.SERVICE_NAME}-hints`, log);
    const state = new State(redis);
    const hints = new Hints(subscriber);
    const hub = new Hub(state, hints, log, config.POLL_S);
    const presence = new Presence(state, hints, log, config);
    app.decorate('hints', hints);
    app.decorate('hub', hub);
    app.decorate('presence', presence);
    app.decorate('state', state);
    app.decorate('topics', await loadTopics());

    // It starts without Redis all the same.
    app.addHook('onReady', async () => connected(redis));
    app.addHook('onClose', async () => {
      await presence.close();
      hub.close();
      redis.destroy();
      subscriber.destroy();
    });
  },
  { name: 'topics' },
);
