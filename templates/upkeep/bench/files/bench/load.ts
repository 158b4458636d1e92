import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import autocannon from 'autocannon';
import { quantile } from './figures.ts';

export interface Call {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
}

/** In a body it is another text for each request. */
export const UNIQUE = '[<id>]';

function headersOf({ headers }: Call): Record<string, string> {
  return { 'content-type': 'application/json', ...headers };
}

/** Successful answers per second, asked for over `connections` at once. Any other answer ends the run. */
export async function throughput(
  call: Call,
  connections: number,
  seconds: number,
): Promise<number> {
  const result = await autocannon({
    url: call.url,
    method: call.method ?? 'GET',
    headers: headersOf(call),
    connections,
    duration: seconds,
    ...(call.body !== undefined && { body: call.body, idReplacement: call.body.includes(UNIQUE) }),
  });
  const failed = result.non2xx + result.errors + result.timeouts;
  if (failed > 0) throw new Error(`${call.url}: ${failed} requests failed`);
  return result['2xx'] / result.duration;
}

/** The 99th percentile of answers' times, in milliseconds, with the throughput beside it. */
export async function loaded(
  call: Call,
  connections: number,
  seconds: number,
): Promise<{ perSecond: number; p99: number }> {
  const result = await autocannon({
    url: call.url,
    method: call.method ?? 'GET',
    headers: headersOf(call),
    connections,
    duration: seconds,
    ...(call.body !== undefined && { body: call.body }),
  });
  if (result.non2xx + result.errors > 0) throw new Error(`${call.url}: requests failed`);
  return { perSecond: result['2xx'] / result.duration, p99: result.latency.p99 };
}

/** The median time of one request after the other over one connection, in milliseconds. */
export async function latency(call: Call, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const begun = performance.now();
    await once(call, agent);
    times.push(performance.now() - begun);
  }
  agent.destroy();
  return quantile(
    times.toSorted((a, b) => a - b),
    0.5,
  );
}

/** Sends one request; its answer's body. */
export function once(call: Call, agent?: Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(
    call.url,
    { agent, method: call.method ?? 'GET', headers: headersOf(call) },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve(text);
        else reject(new Error(`${call.url}: ${status} ${text}`));
      });
    },
  );
  sent.on('error', reject);
  sent.end(call.body?.replace(UNIQUE, randomUUID()));
  return promise;
}
