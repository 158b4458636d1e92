import { header } from '@app/http/openapi';
import { answerError, Problem, ProblemDocument, problemsOf, unavailable } from '@app/http/problems';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MODEL_NAME } from '../../resources/models.ts';
import { EXAMPLE, InferRequest, InferResponse } from '../../schemas.ts';
import { AS_IT_IS, connectUpstream, passing } from '../../upstream.ts';

const tags = ['models'];
const name = z.string().regex(MODEL_NAME);
const model = name.meta({ examples: ['digits'] });
const version = name.meta({ examples: ['1'] });
const problems = problemsOf(
  ProblemDocument.extend({ error: z.string() }).meta({ id: 'ProtocolProblem' }),
);
const serverResponse = { 200: z.unknown(), ...problems() };
const response = { 200: z.unknown(), ...problems(404, 422) };
const inferResponse = {
  200: {
    description: 'The outputs: as JSON or, where the request wants it, as bytes behind it.',
    content: {
      'application/json': { schema: InferResponse },
      'application/octet-stream': { schema: z.string() },
    },
  },
  ...problems(404, 408, 413, 415, 422, 504),
};
const inferHeaders = z.looseObject({
  'inference-header-content-length': z
    .string()
    .regex(/^\d{1,15}$/)
    .describe('Where the JSON of a body with binary tensors ends.')
    .optional(),
});
const openapi = {
  requestBody: {
    required: true,
    content: {
      'application/json': { schema: z.toJSONSchema(InferRequest), example: EXAMPLE },
      'application/octet-stream': {
        schema: {
          type: 'string',
          format: 'binary',
          description: 'JSON as above, and behind it the bytes of its tensors.',
        },
      },
    },
  },
  responses: {
    200: {
      headers: {
        'Inference-Header-Content-Length': header('Where the JSON of binary outputs ends.'),
      },
    },
  },
};

/** A model without a version is inference's newest one. */
const MODELS = [
  { base: '/models/:model', params: z.object({ model }), what: 'a model' },
  {
    base: '/models/:model/versions/:version',
    params: z.object({ model, version }),
    what: 'a version of a model',
  },
];

/** The Open Inference Protocol, straight to inference: quick, and nothing is kept. */
const routes: FastifyPluginAsyncZod = async (app) => {
  // To run a model changes nothing, so that any of these requests may be repeated.
  await connectUpstream(app, {
    // Connections are renewed, or new inference processes would stay idle.
    clientTtl: 30_000,
    headersTimeout: app.config.HANDLER_TIMEOUT_S * 1_000,
  });
  const hooks = passing(
    (cause) => unavailable('inference-unavailable', 'Inference did not answer.', cause),
    // The key is the gateway's matter.
    ['authorization'],
  );

  // Inference reads a body, whatever it is: JSON, also without a type, and binary tensors.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/octet-stream'],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
  app.addContentTypeParser('*', { parseAs: 'buffer' }, ({ headers }, body, done) => {
    if (headers['content-type'] === undefined) return done(null, body);
    done(new Problem(415, 'unsupported-media-type', 'Send JSON, or binary tensors after it.'));
  });

  // The protocol's clients read this member, whatever is wrong.
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    answerError(error, request, reply, ({ detail }) => ({ error: detail }));
  });
  app.setNotFoundHandler(app.refuseUnknown);

  app.get(
    '/',
    {
      prefixTrailingSlash: 'no-slash',
      schema: { summary: 'What serves the models.', tags, response: serverResponse },
    },
    async (request, reply) => passToServer('any', request, reply),
  );

  app.get(
    '/health/live',
    { schema: { summary: 'Whether models are served.', tags, response: serverResponse } },
    async (request, reply) => passToServer('any', request, reply),
  );

  app.get(
    '/health/ready',
    { schema: { summary: 'Whether all models can be run.', tags, response: serverResponse } },
    async (request, reply) => passToServer('all', request, reply),
  );

  for (const { base, params, what } of MODELS) {
    app.get(
      base,
      { schema: { summary: `What ${what} takes and gives.`, tags, params, response } },
      async (request, reply) => passToModel('', request.params, request, reply),
    );

    app.get(
      `${base}/ready`,
      { schema: { summary: `Whether ${what} can be run.`, tags, params, response } },
      async (request, reply) => passToModel('/ready', request.params, request, reply),
    );

    app.post(
      `${base}/infer`,
      {
        config: { openapi },
        schema: {
          summary: `Runs ${what} now.`,
          tags,
          params,
          headers: inferHeaders,
          response: inferResponse,
        },
      },
      async (request, reply) => passToModel('/infer', request.params, request, reply),
    );
  }

  /** To the service that has the model. */
  async function passToModel(
    path: string,
    { model, version }: { model: string; version?: string },
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const found = await app.models.find(model);
    if (found.state === 'unknown') {
      throw new Problem(404, 'unknown-model', `There is no model \`${model}\`.`);
    }
    const of = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
    const url = `${found.service.url}/v2/models/${encodeURIComponent(model)}${of}${path}`;
    return pass(url, request, reply);
  }

  /** To a service for which it is so or, where all are `needed`, to one for which it is not. */
  async function passToServer(
    needed: 'any' | 'all',
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const path = request.routeOptions.url ?? '';
    const service = await app.models.serviceFor(path, needed);
    return pass(`${service.url}${path}`, request, reply);
  }

  function pass(url: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { body, method } = request;
    return reply.from(url, {
      ...hooks,
      ...(Buffer.isBuffer(body) && { body, contentType: AS_IT_IS }),
      // A service need not know HEAD; what is not asked for is dropped here.
      ...(method === 'HEAD' && { method: 'GET' }),
    });
  }
};

export default routes;
