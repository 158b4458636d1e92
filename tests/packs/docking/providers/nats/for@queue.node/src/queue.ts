import { setTimeout } from 'node:timers/promises';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';

/** What the queue needs of the environment, beside what the state store needs. */
export const environment = {
  NATS_URL: z
    .url({ protocol: /^(nats|tls)$/, error: 'must be an address of NATS' })
    .meta({ example: 'nats://localhost:4222' }),
};

/** How long a confirm is waited for before workers may publish the job as well. */
const CLAIM_MS = 5_000;
/** Between two attempts to reach NATS. */
const RETRY_MS = 200;
/** Jobs on their way to NATS; workers publish what goes beyond. */
const UNCONFIRMED_MAX = 1_000;

/** How a job reaches the workers once it is accepted. Every adapter has this form. */
export interface Queue {
  /** What the script that accepts a job is told. */
  accepting(): { stream: boolean; claim_ms?: number };
  /** Called with each accepted job; `claim` is what the script answered. */
  publish(job: { id: string; service: string }, claim: string | undefined): void;
  close(): Promise<void>;
}

interface Log {
  info(text: string): void;
  warn(fields: object, text: string): void;
}

export interface QueueContext {
  config: { NATS_URL: string };
  name: string;
  log: Log;
  /** Runs a script of contracts/lua/. */
  run: (script: string, args: object) => Promise<unknown>;
}

/**
 * NATS gets a job's id right after the state store has accepted it. Until NATS has confirmed it the
 * id is in the outbox there, claimed by this process. So nothing here needs to succeed: workers
 * publish what is left in the outbox, and the caller's answer does not wait.
 */
export function openQueue({ config, name, log, run }: QueueContext): Queue {
  let connection: NatsConnection | undefined;
  let stream: JetStreamClient | undefined;
  let unconfirmed = 0;
  let closed = false;

  const opened = open();

  async function open(): Promise<void> {
    const { username, password, host } = new URL(config.NATS_URL);
    const known = username === '' ? {} : { user: username, pass: decodeURIComponent(password) };
    let isTold = false;
    while (!connection) {
      // Not by the client's own patience, which nobody could end.
      if (closed) return;
      try {
        connection = await connect({
          servers: host,
          name,
          ...known,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RETRY_MS,
          pingInterval: 10_000,
          timeout: CLAIM_MS,
        });
      } catch (error) {
        if (!isTold) log.warn({ err: error }, 'nats: is not reached');
        isTold = true;
        await setTimeout(RETRY_MS);
      }
    }
    if (closed) return connection.close();
    stream = jetstream(connection, { timeout: CLAIM_MS });
    log.info('nats: connected');
    void follow(connection);
  }

  /** Says when the connection is lost, and that it is back. */
  async function follow(one: NatsConnection): Promise<void> {
    for await (const status of one.status()) {
      if (status.type === 'disconnect') stream = undefined;
      if (status.type === 'reconnect') stream = jetstream(one, { timeout: CLAIM_MS });
      if (status.type === 'disconnect' || status.type === 'reconnect') {
        log.info(`nats: ${status.type}`);
      }
    }
  }

  async function send(id: string, service: string, claim: string): Promise<void> {
    unconfirmed += 1;
    let confirmed = false;
    try {
      // A stream that is not there yet confirms nothing, and the job waits in the outbox.
      await stream?.publish(`jobs.${service}`, id);
      confirmed = stream !== undefined;
    } catch {
      // Workers publish it.
    }
    unconfirmed -= 1;
    await run('relayed', { jobs: [{ id, claim, confirmed }] }).catch((error: unknown) => {
      // It is published once more, and workers notice.
      log.warn({ err: error }, 'nats: the outbox could not be told');
    });
  }

  function canPublish(): boolean {
    return stream !== undefined && unconfirmed < UNCONFIRMED_MAX;
  }

  return {
    accepting: () => ({ stream: false, ...(canPublish() && { claim_ms: CLAIM_MS }) }),
    publish({ id, service }, claim) {
      if (claim !== undefined) void send(id, service, claim);
    },
    async close() {
      closed = true;
      stream = undefined;
      await opened;
      await connection?.close();
    },
  };
}
