import { unavailable } from '@app/http/problems';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AS_IT_IS, connectUpstream, passing } from '../../upstream.ts';

/** `/v1/<service>/...` belongs to the own service of that name, which checks what it is sent. */
export default async function services(app: FastifyInstance): Promise<void> {
  await connectUpstream(
    app,
    { headersTimeout: app.config.HANDLER_TIMEOUT_S * 1_000 },
    // They change nothing (RFC 9110, 9.2.1). What else is lost, its sender may repeat with a key.
    ({ method }) => method === 'GET' || method === 'HEAD',
  );
  const hooks = passing((cause) =>
    unavailable('service-unavailable', 'The service did not answer.', cause),
  );

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  for (const { name, url } of app.config.API_URLS) {
    const handler = async (request: FastifyRequest, reply: FastifyReply) =>
      pass(url, request, reply);
    // What a service says of its routes is in its own document, which `/docs` shows.
    const schema = { hide: true };
    app.get(`/${name}/openapi.json`, { config: { public: true }, schema }, handler);
    app.route({
      method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      url: `/${name}/*`,
      schema,
      handler,
    });
  }

  function pass(url: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { body } = request;
    return reply.from(`${url}${request.url}`, {
      ...hooks,
      ...(Buffer.isBuffer(body) && { body, contentType: AS_IT_IS }),
    });
  }
}
