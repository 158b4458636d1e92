import plugin from 'fastify-plugin';
import { Models } from '../models.ts';

declare module 'fastify' {
  interface FastifyInstance {
    models: Models;
  }
}

export default plugin(async (app) => {
  app.decorate('models', new Models(app.config.INFERENCE_URLS));
});
