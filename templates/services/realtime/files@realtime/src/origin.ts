import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a page of this origin may open a socket. Browsers always send `Origin` on a WebSocket and
 * let no page change it; what sends none is not a browser.
 */
export function originAllowed(headers: IncomingHttpHeaders, allowed: string[]): boolean {
  const { origin } = headers;
  if (origin === undefined) return true;
  if (allowed.length > 0) return allowed.includes(origin);
  // A proxy may have replaced `Host`; a page can set neither header.
  const host = headers['x-forwarded-host'] ?? headers.host;
  return URL.parse(origin)?.host === host;
}
