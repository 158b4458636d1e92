import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Problem, PROBLEM_TYPE } from './problems.ts';

/** The last answer on each connection, as far as there is one yet. */
const answers = new WeakMap<Duplex, ServerResponse>();

/** Says that a request on this connection will be answered by `answer`. */
export function noteAnswer(socket: Duplex, answer: ServerResponse): void {
  answers.set(socket, answer);
}

/** Answers what is not HTTP, or does not arrive in time: there is no request to answer by. */
export function refuseConnection(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswered(socket)) {
    socket.destroy();
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    refuse(socket, new Problem(408, 'request-timeout', 'The request did not arrive in time.'), '');
  } else if (error.code === 'HPE_HEADER_OVERFLOW') {
    refuse(socket, new Problem(431, 'headers-too-large', 'The headers are too large.'), '');
  } else {
    refuse(socket, new Problem(400, 'bad-request', 'This is not HTTP.'), '');
  }
}

/** Whether the answer to what is being received here has begun: a second one would break it. */
function isAnswered(socket: Duplex): boolean {
  const answer = answers.get(socket);
  if (answer === undefined || !answer.headersSent) return false;
  return !(answer.writableFinished && answer.req.complete);
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

/** Path and query of a request's target, which may name a whole address (RFC 9112, 3.2.2). */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const path = /^https?:\/\/[^/?#]*(.*)$/is.exec(target)?.[1];
  if (path === undefined) return target;
  return path.startsWith('/') ? path : `/${path}`;
}

/** A request says once which host it is for (RFC 9112, 3.2): those in front may have read the other. */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1;
}
