import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '@app/http/testing';
import pg from 'pg';

const ROOT = join(import.meta.dirname, '../../..');

/** A real server for the tests of a file, which may stop it. */
export async function startPostgres(): Promise<TestPostgres> {
  const postgres = await TestPostgres.start();
  after(() => postgres.end());
  return postgres;
}

/** The names of a table's columns, sorted, each with `?` where it may be null. */
export async function columnsOf(table: string, url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS name
     FROM information_schema.columns WHERE table_name = $1`,
    [table],
  );
  await client.end();
  return rows.map(({ name }) => name).toSorted();
}

/** Waits until `check` holds; the runner ends a test that waits in vain. */
export async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await wait(10);
}

/** A real server for tests: theirs alone, so that they can stop it. */
export class TestPostgres {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(port: number) {
    this.port = port;
  }

  /** An address where a server can be started later. */
  static async absent(): Promise<TestPostgres> {
    return new TestPostgres(await freePort());
  }

  static async start(): Promise<TestPostgres> {
    const postgres = await TestPostgres.absent();
    await postgres.start();
    return postgres;
  }

  /** The address of a database, by default one that is not there yet. */
  url(database = `test_${++this.#databases}`): string {
    return `postgresql://app:secret@127.0.0.1:${this.port}/${database}`;
  }

  async start(): Promise<void> {
    const installed = join(ROOT, '.venv/bin/python');
    const python = existsSync(installed) ? installed : 'python3';
    const server = join(ROOT, 'infra/postgres/server.py');
    const place = ['--port', String(this.port), '--data', this.#folder];
    const child = spawn(python, [server, ...place, '--fast'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    process.once('exit', () => child.kill('SIGQUIT'));
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      if (line.includes('ready to accept connections')) {
        child.stderr.resume();
        return;
      }
    }
    throw new Error(`the server did not start:\n${said.join('\n')}`);
  }

  /** Sends a signal to all that belongs to the server: SIGSTOP makes it hang, SIGCONT wakes it. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    for (const process of descendantsOf(pid)) globalThis.process.kill(process, signal);
  }

  /** Ends the server at once, as if it had crashed. What was committed is there when it comes back. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGQUIT');
    await once(child, 'exit');
  }

  /** Ends the server and removes its folder. */
  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A process and all that it has started: each connection has one of its own. */
function descendantsOf(pid: number): number[] {
  const listed = execFileSync('ps', ['-e', '-o', 'ppid=,pid='], { encoding: 'utf8' });
  const all = [...listed.matchAll(/(\d+) +(\d+)/g)].map(([, parent, child]) => ({
    parent: Number(parent),
    child: Number(child),
  }));
  const found: number[] = [pid];
  for (const one of found) {
    found.push(...all.filter(({ parent }) => parent === one).map(({ child }) => child));
  }
  return found;
}
