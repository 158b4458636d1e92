import type { FastifyRequest } from 'fastify';

/** What is told, as OWASP's Logging Vocabulary calls it. */
type Event =
  | 'authn_login_success'
  | 'authn_login_fail'
  | 'authn_token_created'
  | 'authz_fail'
  | 'session_expired';

/** Tells who comes in and leaves, and who is refused, each with an `event`, which no other line has. */
export function audit(
  { headers, ip, log }: Pick<FastifyRequest, 'headers' | 'ip' | 'log'>,
  event: Event,
  message: string,
  fields: object = {},
): void {
  const line = { event, address: ip, agent: headers['user-agent'], ...fields };
  if (event.endsWith('_fail')) log.warn(line, message);
  else log.info(line, message);
}
