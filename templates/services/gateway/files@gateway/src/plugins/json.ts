import plugin from 'fastify-plugin';
import { parseJson } from '../json.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** How much JSON was read, in characters. */
    jsonLength: number;
  }
}

/** JSON is spoken here; everything else is an unsupported media type. */
export default plugin(async (app) => {
  app.decorateRequest('jsonLength', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, text, done) => {
      request.jsonLength = text.length;
      done(null, parseJson(text, app.config.BODY_DEPTH_MAX));
    },
  );
});
