import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '@app/http/testing';

const program = join(import.meta.dirname, '../../../infra/rabbitmq/server.py');

/** A real server for tests: theirs alone, so that they can stop it. */
export class TestRabbitmq {
  readonly url: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rabbitmq-'));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.url = `amqp://guest:guest@127.0.0.1:${port}`;
  }

  /** An address where a server can be started. */
  static async absent(): Promise<TestRabbitmq> {
    return new TestRabbitmq(await freePort());
  }

  async start(): Promise<void> {
    const flags = ['--port', String(this.#port), '--data', this.#folder];
    const child = spawn('python3', [program, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true, // a group of its own, to be killed with all that it starts
    });
    this.#process = child;
    const said: string[] = [];
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      said.push(line);
      if (line.includes('Server startup complete')) {
        child.stdout.resume();
        return;
      }
    }
    throw new Error(`the server did not start:\n${said.join('\n')}`);
  }

  /** Kills the server, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, 'SIGKILL');
    await once(child, 'exit');
  }

  /** Kills the server and removes its folder. */
  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
