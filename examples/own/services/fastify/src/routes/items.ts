import { answersWith, problemAnswer } from '@app/http/answers';
import { entityTag, idempotencyKey, ifMatch, isKnown } from '@app/http/conditions';
import { toCursor } from '@app/http/pages';
import { Problem, problems } from '@app/http/problems';
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Content, Item, Page, pageQuery } from '../schemas.ts';
import { NotFound } from '../store.ts';

const tags = ['items'];
const Id = z.guid();
const params = z.object({ id: z.string().describe('A UUID.') });
const nothing = (description: string) => z.undefined().describe(description);
const taken = problemAnswer('The owner has another item of this name.');
const moved = problemAnswer('The item has another version by now.');
const ETag = 'The version of the item.';

/** An example of a resource, with what a good API does; an owner sees what is its own. */
const routes: FastifyPluginAsyncZod = async (app) => {
  const { config, store } = app;
  const path = `${app.prefix}/items`;

  app.get(
    '/items',
    {
      config: answersWith({ 200: { Link: 'The next page.' } }),
      schema: {
        summary: 'Lists items, the newest first.',
        tags,
        querystring: pageQuery(config),
        response: { 200: Page, ...problems(422) },
      },
    },
    async ({ owner, query: { limit, cursor, name } }, reply) => {
      const page = { limit, ...(cursor && { after: cursor }), ...(name !== undefined && { name }) };
      const { items, next } = await store.list(owner, page);
      if (!next) return { items, next: null };
      const cursorAfter = toCursor(next);
      const query = new URLSearchParams({ limit: String(limit), cursor: cursorAfter });
      if (name !== undefined) query.set('name', name);
      reply.header('link', `<${path}?${query}>; rel="next"`);
      return { items, next: cursorAfter };
    },
  );

  app.post(
    '/items',
    {
      config: answersWith({ 201: { ETag, Location: 'Where the item is.' } }),
      schema: {
        summary: 'Makes an item.',
        tags,
        headers: z.object({ 'idempotency-key': idempotencyKey.optional() }),
        body: Content,
        response: { 201: Item, ...problems(413, 415, 422), 409: taken },
      },
    },
    async ({ owner, body, headers }, reply) => {
      const item = await store.create(owner, body, headers['idempotency-key']);
      reply.code(201).header('location', `${path}/${item.id}`);
      return withTag(reply, item);
    },
  );

  app.get(
    '/items/:id',
    {
      config: answersWith({ 200: { ETag } }),
      schema: {
        summary: 'Reads an item.',
        tags,
        params,
        headers: z.object({ 'if-none-match': z.string().optional() }),
        response: { 200: Item, 304: nothing('It has this version still.'), ...problems(404) },
      },
    },
    async ({ owner, params: { id }, headers }, reply) => {
      const item = withTag(reply, await store.get(owner, known(id)));
      if (!isKnown(headers['if-none-match'], item.version)) return item;
      return reply.code(304).send();
    },
  );

  app.put(
    '/items/:id',
    {
      config: answersWith({ 200: { ETag } }),
      schema: {
        summary: 'Replaces an item that has the version which `If-Match` names.',
        tags,
        params,
        headers: z.object({ 'if-match': ifMatch.optional() }),
        body: Content,
        response: {
          200: Item,
          ...problems(404, 413, 415, 422),
          409: taken,
          412: moved,
          428: problemAnswer('`If-Match` is missing.'),
        },
      },
    },
    async ({ owner, params: { id }, headers, body }, reply) => {
      const versions = headers['if-match'];
      if (versions === undefined) {
        const detail = 'Send If-Match with the ETag that you have read, or `*`.';
        throw new Problem(428, 'precondition-required', detail);
      }
      return withTag(reply, await store.replace(owner, known(id), body, versions));
    },
  );

  app.delete(
    '/items/:id',
    {
      schema: {
        summary: 'Deletes an item, with `If-Match` only in the version that it names.',
        tags,
        params,
        headers: z.object({ 'if-match': ifMatch.optional() }),
        response: { 204: nothing('It is gone.'), ...problems(404, 422), 412: moved },
      },
    },
    async ({ owner, params: { id }, headers }, reply) => {
      await store.remove(owner, known(id), headers['if-match'] ?? 'any');
      return reply.code(204).send();
    },
  );
};

function withTag(reply: FastifyReply, item: z.output<typeof Item>): z.output<typeof Item> {
  reply.header('etag', entityTag(item.version));
  return item;
}

/** What is no UUID is the id of nothing. */
function known(id: string): string {
  if (!Id.safeParse(id).success) throw new NotFound();
  return id;
}

export default routes;
