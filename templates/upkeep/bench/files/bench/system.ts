import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export const ROOT = dirname(import.meta.dirname);
const PATIENCE_MS = 120_000;

/** One process of the system, as tools/dev.py tells of it. */
export interface Running {
  group: string;
  url: string;
  pid: number;
  command: string[];
  cwd: string;
  env: Record<string, string>;
  ready: string;
}

/** What one client is allowed is no limit of the system: all load comes from one address here. */
const UNLIMITED = {
  RATE_LIMIT_PER_MINUTE: '10000000',
  ACCEPT_PER_MINUTE: '10000000',
  QUEUE_MAX_LIVE: '1000000',
  PUBLISH_PER_SECOND: '10000',
  SUBSCRIBE_PER_SECOND: '10000',
};

/** The system as `make dev` starts it, on free ports, with data of its own. */
export class System {
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly #children: ChildProcess[] = [];
  #processes: Record<string, Running> = {};

  static async start(environment: Record<string, string> = {}): Promise<System> {
    const system = new System();
    const ports = join(system.folder, 'ports.json');
    const runner = system.#spawn(
      ['python', 'tools/dev.py', '--raw', '--no-watch', '--stop-with-parent'].concat([
        `--data=${system.folder}/data`,
        `--ports-file=${ports}`,
      ]),
      ROOT,
      { ...UNLIMITED, ...environment },
    );
    await until(() => existsSync(ports), 'the system', runner);
    system.#processes = JSON.parse(readFileSync(ports, 'utf8')) as Record<string, Running>;
    return system;
  }

  /** The processes of a group, by name. */
  all(): [string, Running][] {
    return Object.entries(this.#processes);
  }

  /** The first process of a group, or the one of this name. */
  find(group: string): Running {
    const found = this.all().find(([name, one]) => one.group === group || name === group);
    if (!found) throw new Error(`the system has no \`${group}\``);
    return found[1];
  }

  /**
   * Starts one more process like `like` on ports of its own. Its log goes to a file, as that of a
   * container does. Resolves when it is ready.
   */
  async another(
    like: string,
    environment: Record<string, string> = {},
  ): Promise<Running & { startedMs: number; stop: () => Promise<void> }> {
    const { command, cwd, env, group, ready } = this.find(like);
    const [port, metrics] = [await freePort(), await freePort()];
    const own: Record<string, string> =
      'PORT' in env
        ? { PORT: String(port), METRICS_PORT: String(metrics) }
        : { METRICS_PORT: String(port) };
    return await this.#ready(command, cwd, { ...env, ...own, ...environment }, port, ready, group);
  }

  /** Starts a program of bench/bare, which listens on PORT; resolves when it does. */
  async bare(file: string, environment: Record<string, string> = {}, cwd = '.') {
    const port = await freePort();
    const command = [file.endsWith('.py') ? 'python' : 'node', join(ROOT, 'bench/bare', file)];
    return await this.#ready(command, cwd, { ...environment, PORT: String(port) }, port, '/', '');
  }

  async #ready(
    command: string[],
    cwd: string,
    env: Record<string, string>,
    port: number,
    ready: string,
    group: string,
  ) {
    const begun = performance.now();
    const child = this.#spawn(command, join(ROOT, cwd), { ...UNLIMITED, ...env });
    const url = `http://127.0.0.1:${port}`;
    await until(() => answers(url + ready), command.join(' '), child);
    const startedMs = performance.now() - begun;
    const stop = async (): Promise<void> => end(child);
    return { group, url, pid: child.pid ?? 0, command, cwd, env, ready, startedMs, stop };
  }

  #spawn(command: string[], cwd: string, environment: Record<string, string>): ChildProcess {
    const [program = '', ...args] = command;
    const path = join(this.folder, `log-${this.#children.length}.txt`);
    const log = openSync(path, 'w');
    const env = { ...process.env, ...environment };
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#children.push(child);
    logs.set(child, path);
    return child;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await end(child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const logs = new WeakMap<ChildProcess, string>();

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(late);
}

/** Waits until `check` holds, as long as `child` lives. */
async function until(
  check: () => boolean | Promise<boolean>,
  what: string,
  child: ChildProcess,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await check())) {
    if (child.exitCode !== null || performance.now() > deadline) {
      const log = readFileSync(logs.get(child) ?? '', 'utf8');
      throw new Error(`${what} did not start:\n${log.split('\n').slice(-30).join('\n')}`);
    }
    await wait(5);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Memory that a process holds, in MiB. */
export async function memoryOf(pid: number): Promise<number> {
  const child = spawn('ps', ['-o', 'rss=', '-p', String(pid)]);
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  await once(child, 'close');
  return Number(text) / 1024;
}
