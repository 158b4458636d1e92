import underPressure from '@fastify/under-pressure';
import plugin from 'fastify-plugin';
import { unavailable } from '../problems.ts';

/** Sheds load while the event loop lags: a quick refusal is worth more than a late answer. */
export default plugin(
  async (app) => {
    await app.register(underPressure, {
      maxEventLoopDelay: app.config.EVENT_LOOP_DELAY_MS,
      pressureHandler(request) {
        if (request.routeOptions.config.probe === true) return;
        throw unavailable('overloaded', 'There is more to do than can be done.');
      },
    });
  },
  { dependencies: ['problems'] },
);
