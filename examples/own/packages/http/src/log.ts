import type { FastifyInstance, FastifyLoggerOptions } from 'fastify';
import pino, { stdTimeFunctions } from 'pino';
import type { ServerConfig } from './settings.ts';

const output = pino.destination({ sync: true });
let lines = '';

function flush(): void {
  if (lines !== '') output.write(lines);
  lines = '';
}
process.on('exit', flush);

/**
 * Where log lines go. Those of one round of the event loop are written at once, because a write for
 * each request is among its largest costs; and in that round, so that no line waits for another.
 */
const stream = {
  write(line: string): void {
    if (lines === '') setImmediate(flush);
    lines += line;
  },
};

/** How a service logs: JSON, a line for each event. */
export function loggerOptions(config: ServerConfig): FastifyLoggerOptions & pino.LoggerOptions {
  return {
    level: config.LOG_LEVEL,
    base: { service: config.SERVICE_NAME },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    stream,
  };
}

/** One line for each request, when it is done. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    // Probes would drown everything else.
    const level = request.routeOptions.config.probe === true ? 'debug' : 'info';
    reply.log[level](
      {
        method: request.method,
        url: request.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        caller: request.caller,
      },
      'request',
    );
    done();
  });
}
