import { Problem, problems, unavailable } from '@app/http/problems';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AS_IT_IS, connectUpstream, passing } from '../../upstream.ts';

const path = '/archives/:archive/files/:name';
const name = z.string().regex(/^[\w.-]{1,128}$/);
const params = z.object({
  archive: name.meta({ examples: ['archive'] }),
  name: name.meta({ examples: ['seven.json'] }),
});

/** Files, which the archives keep. */
const routes: FastifyPluginAsyncZod = async (app) => {
  // To keep a file twice changes nothing, so that any of these requests may be repeated.
  await connectUpstream(app, { headersTimeout: app.config.HANDLER_TIMEOUT_S * 1_000 });
  const hooks = passing(
    (cause) => unavailable('archive-unavailable', 'The archive did not answer.', cause),
    ['authorization', 'x-caller'],
  );

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.put(
    path,
    {
      schema: {
        summary: 'Keeps a file and, with a model, has it predicted.',
        tags: ['archives'],
        params,
        querystring: z.object({ model: name.optional() }),
        response: { 201: z.unknown(), ...problems(404, 413, 422) },
      },
    },
    async (request, reply) => pass(request.params, request, reply),
  );

  app.get(
    path,
    {
      schema: {
        summary: 'A file that is kept.',
        tags: ['archives'],
        params,
        response: { 200: z.unknown(), ...problems(404) },
      },
    },
    async (request, reply) => pass(request.params, request, reply),
  );

  function pass(
    { archive, name }: z.output<typeof params>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply {
    const found = app.config.ARCHIVE_URLS.find((one) => one.name === archive);
    if (found === undefined) {
      throw new Problem(404, 'unknown-archive', `There is no archive \`${archive}\`.`);
    }
    const [, query] = request.url.split('?');
    const { body } = request;
    return reply.from(`${found.url}/v1/files/${name}${query === undefined ? '' : `?${query}`}`, {
      ...hooks,
      rewriteRequestHeaders: (asked, headers) => ({
        ...hooks.rewriteRequestHeaders?.(asked, headers),
        'x-caller': request.caller,
      }),
      ...(Buffer.isBuffer(body) && { body, contentType: AS_IT_IS }),
    });
  }
};

export default routes;
