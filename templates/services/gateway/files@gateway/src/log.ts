import pino from 'pino';

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
export const logStream = {
  write(line: string): void {
    if (lines === '') setImmediate(flush);
    lines += line;
  },
};
