import type { FastifyReply } from 'fastify';

/** Answers with a problem document (RFC 9457). */
export function problem(
  reply: FastifyReply,
  status: number,
  slug: string,
  detail: string,
): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send(problemDocument(status, slug, detail, reply.request.url));
}

/** As JSON text; `/problems/<slug>` is its type. */
export function problemDocument(
  status: number,
  slug: string,
  detail: string,
  instance: string,
): string {
  const words = slug.replaceAll('-', ' ');
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  return JSON.stringify({ type: `/problems/${slug}`, title, status, detail, instance });
}
