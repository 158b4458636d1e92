import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem, PROBLEM_TYPE } from './problems.ts';

/** Answers what is not HTTP, or does not arrive in time: there is no request to answer by. */
export function refuseConnection(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    refuse(socket, new Problem(408, 'request-timeout', 'The request did not arrive in time.'), '');
  } else if (error.code === 'HPE_HEADER_OVERFLOW') {
    refuse(socket, new Problem(431, 'headers-too-large', 'The headers are too large.'), '');
  } else {
    refuse(socket, new Problem(400, 'bad-request', 'This is not HTTP.'), '');
  }
}

/** Answers on the bare connection, and ends it. */
export function refuse(socket: Duplex, problem: Problem, instance: string): void {
  const body = JSON.stringify(problem.document(instance));
  const headers = {
    ...problem.headers,
    connection: 'close',
    'content-type': PROBLEM_TYPE,
    'content-length': String(Buffer.byteLength(body)),
  };
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
