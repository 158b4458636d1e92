import plugin from 'fastify-plugin';
import { hasSeveralHosts, noteAnswer } from '../connection.ts';
import { Problem } from '../problems.ts';

/** What a request's connection is held to. */
export default plugin(
  async (app) => {
    app.addHook('onRequest', (request, reply, done) => {
      noteAnswer(request.raw.socket, reply.raw);
      if (hasSeveralHosts(request.raw)) {
        throw new Problem(400, 'bad-request', 'There is more than one header `Host`.', {
          headers: { connection: 'close' },
        });
      }
      done();
    });
  },
  { dependencies: ['problems'] },
);
