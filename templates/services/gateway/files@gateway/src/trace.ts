import { randomBytes } from './random.ts';

// https://www.w3.org/TR/trace-context/: version 00, and later ones that only append.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const NONE = /^0+$/;

/** The trace that a request belongs to: its caller's, or a new one. */
export function traceId(traceparent: string | string[] | undefined): string {
  const [, trace = '', span = ''] = TRACEPARENT.exec(String(traceparent)) ?? [];
  if (trace === '' || NONE.test(trace) || NONE.test(span)) return randomBytes(16).toString('hex');
  return trace;
}

/** What is sent along to the services behind. */
export function traceparent(trace: string): string {
  return `00-${trace}-${randomBytes(8).toString('hex')}-01`;
}
