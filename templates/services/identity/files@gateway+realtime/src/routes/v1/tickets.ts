import { problems } from '@app/http/problems';
import { issueTicket } from '@app/sessions/tickets';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { audit } from '../../identity/audit.ts';
import { onlyKnown } from '../../identity/only.ts';

const Issued = z
  .object({
    ticket: z.string().describe('Beside the protocol `v1` of a WebSocket: `ticket.<ticket>`.'),
    expires_in: z.number().describe('Seconds.'),
  })
  .meta({ id: 'Ticket' });

/** For who opens a socket and can send neither cookie nor header with it. */
const routes: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/tickets',
    {
      schema: {
        summary: 'Makes a ticket, by which one socket can be opened.',
        tags: ['people'],
        response: { 201: Issued, ...problems() },
      },
    },
    async (request, reply) => {
      const { ends } = onlyKnown(request);
      const { TICKET_S } = app.config;
      const ticket = {
        caller: request.caller,
        roles: request.who.roles,
        ...(request.session && { session: request.session.id }),
        ...(ends !== undefined && { ends }),
      };
      audit(request, 'authn_token_created', 'a ticket was issued', { caller: request.caller });
      reply.code(201).header('cache-control', 'no-store');
      return { ticket: await issueTicket(app.state, ticket, TICKET_S), expires_in: TICKET_S };
    },
  );
};

export default routes;
