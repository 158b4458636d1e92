import { randomUUID } from 'node:crypto';

// https://www.w3.org/TR/trace-context/: version 00, and later ones that only append. The package
// `@opentelemetry/core` reads it as well, and has 13 MB with what it needs.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-|$)/;
const NONE = /^0+$/;

/** The trace that a request belongs to: its caller's, or a new one. */
export function traceId(traceparent: string | string[] | undefined): string {
  const [, trace = '', span = ''] = TRACEPARENT.exec(String(traceparent)) ?? [];
  if (trace === '' || NONE.test(trace) || NONE.test(span)) return randomHex();
  return trace;
}

/** What is sent along to the services behind. */
export function traceparent(trace: string): string {
  return `00-${trace}-${randomHex().slice(16)}-01`;
}

/** 32 digits. Node makes random UUIDs many at once: a call of the system for each would cost more. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}
