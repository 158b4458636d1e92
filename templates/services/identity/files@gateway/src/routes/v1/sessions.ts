import { Problem, problems } from '@app/http/problems';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { audit } from '../../identity/audit.ts';
import { onlyPerson } from '../../identity/only.ts';

const tags = ['people'];
const nothing = z.undefined().describe('They have ended.');

const Listed = z
  .object({
    id: z.string(),
    /** The one that asks. */
    current: z.boolean(),
    agent: z.string(),
    began_at: z.iso.datetime(),
    ends_at: z.iso.datetime(),
  })
  .meta({ id: 'Session' });

/** Where a person is signed in. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/sessions',
    {
      schema: {
        summary: 'Lists where you are signed in, the latest first.',
        tags,
        response: { 200: z.object({ sessions: z.array(Listed) }), ...problems() },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const found = await app.sessions.list(onlyPerson(request).sub);
      const sessions = found.map(({ id, session: { agent, began, ends } }) => ({
        id,
        current: id === request.session?.id,
        agent,
        began_at: new Date(began).toISOString(),
        ends_at: new Date(ends).toISOString(),
      }));
      return { sessions };
    },
  );

  app.delete(
    '/sessions',
    {
      schema: {
        summary: 'Signs you out everywhere.',
        tags,
        response: { 204: nothing, ...problems() },
      },
    },
    async (request, reply) => {
      const { sub } = onlyPerson(request);
      const ended = await app.sessions.endAll(sub);
      audit(request, 'session_expired', 'signed out everywhere', { sub, ended });
      return reply.code(204).send();
    },
  );

  app.delete(
    '/sessions/:id',
    {
      schema: {
        summary: 'Signs you out in one place.',
        tags,
        params: z.object({ id: z.string().max(64) }),
        response: { 204: nothing, ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const { sub } = onlyPerson(request);
      const found = await app.sessions.read(request.params.id);
      // Of others one learns nothing, not even that they are there.
      if (found?.session.sub !== sub) {
        throw new Problem(404, 'not-found', 'You are signed in at no such place.');
      }
      await app.sessions.end(found);
      audit(request, 'session_expired', 'signed out elsewhere', { sub });
      return reply.code(204).send();
    },
  );
};

export default routes;
