import plugin from 'fastify-plugin';
import { Problem } from '../problems.ts';

/** Asks for an API key where keys are configured. */
export default plugin(
  async (app) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (!request.known && request.routeOptions.config.public !== true) {
        throw new Problem(401, 'unauthorized', 'Send an API key: Authorization: Bearer <key>.', {
          headers: { 'www-authenticate': 'Bearer' },
        });
      }
      done();
    });
  },
  // Who tries keys is limited as well.
  { name: 'keys', dependencies: ['rate-limit'] },
);
