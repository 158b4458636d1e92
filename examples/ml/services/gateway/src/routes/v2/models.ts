import replyFrom from '@fastify/reply-from';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MODEL_NAME } from '../../models.ts';
import { Problem, problems, unavailable } from '../../problems.ts';
import { traceparent } from '../../trace.ts';

const tags = ['models'];
const params = z.object({ model: z.string().regex(MODEL_NAME) });
const response = { 200: z.unknown(), ...problems };

/** The Open Inference Protocol, straight to inference: quick, and nothing is kept. */
const routes: FastifyPluginAsyncZod = async (app) => {
  await app.register(replyFrom, {
    undici: {
      // Connections are renewed, or new inference processes would stay idle.
      clientTtl: 30_000,
      headersTimeout: app.config.HANDLER_TIMEOUT_S * 1_000,
    },
    disableRequestLogging: true,
    retryMethods: [],
  });

  // What inference reads is not to be parsed twice.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });

  app.get(
    '/models/:model',
    { schema: { summary: 'What a model takes and gives.', tags, params, response } },
    async (request, reply) => pass(request.params.model, '', request, reply),
  );

  app.post(
    '/models/:model/infer',
    { schema: { summary: 'Runs a model now.', tags, params, body: z.unknown(), response } },
    async (request, reply) => pass(request.params.model, '/infer', request, reply),
  );

  async function pass(
    model: string,
    path: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const found = await app.models.find(model);
    if (found.state === 'unknown') {
      throw new Problem(404, 'unknown-model', `There is no model \`${model}\`.`);
    }
    return reply.from(`${found.service.url}/v2/models/${encodeURIComponent(model)}${path}`, {
      ...(Buffer.isBuffer(request.body) && { body: request.body, contentType: 'application/json' }),
      rewriteRequestHeaders(_request, headers) {
        // The key is the gateway's matter.
        const { authorization: _key, ...rest } = headers;
        return { ...rest, traceparent: traceparent(request.id) };
      },
      onError(failed, { error }) {
        failed.send(unavailable('inference-unavailable', 'Inference did not answer.', error));
      },
    });
  }
};

export default routes;
