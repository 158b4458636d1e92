import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '@app/http/testing';

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '16MB',
  // What it holds outlives the server and not the machine.
  fsync: 'off',
};

/** A real server for tests: theirs alone, so that they can stop it. */
export class TestPostgres {
  readonly port: number;
  readonly #programs = programs();
  readonly #user = unprivileged();
  readonly #folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(port: number) {
    this.port = port;
  }

  /** An address where a server can be started later. */
  static async absent(): Promise<TestPostgres> {
    const postgres = new TestPostgres(await freePort());
    postgres.#initialize();
    return postgres;
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
    const settings = { ...SETTINGS, port: String(this.port) };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(this.#programs, 'postgres'), ['-D', this.#folder, ...flags], {
      ...this.#user,
      env: { LC_MESSAGES: 'C' },
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
    for (const process of [pid, ...childrenOf(pid)]) globalThis.process.kill(process, signal);
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

  #initialize(): void {
    const { uid, gid } = this.#user;
    if (uid !== undefined && gid !== undefined) chownSync(this.#folder, uid, gid);
    const how = ['--username=app', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    execFileSync(join(this.#programs, 'initdb'), [...how, '-D', this.#folder], {
      ...this.#user,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }
}

/** The folder with `initdb` and `postgres`: a named one, that of .venv, or the machine's newest. */
function programs(): string {
  const root = join(import.meta.dirname, '../../..');
  const embedded = '.venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin';
  const named = process.env['POSTGRES_BIN'];
  const newest = (first: string, second: string): number =>
    second.localeCompare(first, 'en', { numeric: true });
  const folders = named
    ? [named]
    : [
        ...globSync(embedded, { cwd: root }).map((folder) => join(root, folder)),
        ...globSync('/usr/lib/postgresql/*/bin').sort(newest),
      ];
  const folder = folders.find((path) => exists(join(path, 'postgres')));
  if (folder !== undefined) return folder;
  throw new Error(
    'these tests need PostgreSQL: run them by `make test`, or set POSTGRES_BIN to the folder of its programs',
  );
}

/** Each connection has a process of its own. */
function childrenOf(pid: number): number[] {
  const listed = execFileSync('ps', ['-e', '-o', 'ppid=,pid='], { encoding: 'utf8' });
  return [...listed.matchAll(/(\d+) +(\d+)/g)]
    .filter(([, parent]) => Number(parent) === pid)
    .map(([, , child]) => Number(child));
}

function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL does not run as root: where the tests do, somebody else runs it. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const line = /^(?:postgres|nobody):[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (!line) throw new Error('PostgreSQL needs a user that is not root: there is no `nobody`');
  return { uid: Number(line[1]), gid: Number(line[2]) };
}
