import { setImmediate } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';
import { z } from 'zod';

/** What the queue needs of the environment, beside what the state store needs. */
export const environment = {
  AMQP_URL: z
    .url({ protocol: /^amqps?$/, error: 'must be an address of RabbitMQ' })
    .meta({ example: 'amqp://guest:guest@localhost:5672', secret: true }),
};

/** How long a confirm is waited for before workers may publish the job as well. */
const CLAIM_MS = 5_000;
/** Jobs on their way to the broker; workers publish what goes beyond. */
const UNCONFIRMED_MAX = 1_000;
/** The default of 60 s would leave a broken connection unnoticed for minutes. */
const HEARTBEAT_S = 10;

/** Where a job goes. Workers declare it: what is published before is returned and published later. */
export function queueName(service: string): string {
  return `jobs.${service}`;
}

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
  warn(text: string): void;
  warn(fields: object, text: string): void;
}

export interface QueueContext {
  config: { AMQP_URL: string };
  name: string;
  log: Log;
  /** Runs a script of contracts/lua/. */
  run: (script: string, args: object) => Promise<unknown>;
}

/**
 * RabbitMQ gets a job's id right after the state store has accepted it. Until the broker has
 * confirmed it the id is in the outbox there, claimed by this process. So nothing here needs to
 * succeed: workers publish what is left in the outbox, and the caller's answer does not wait.
 */
export function openQueue({ config, name, log, run }: QueueContext): Queue {
  const address = withUser(config.AMQP_URL);
  const connection = new Connection({
    url: address,
    connectionName: name,
    heartbeat: HEARTBEAT_S,
    connectionTimeout: 5_000,
    acquireTimeout: CLAIM_MS,
    retryLow: 100,
    retryHigh: 1_000,
  });
  // Said once and not for each of the attempts that follow.
  connection.on('error', (error) => log.warn(`rabbitmq: ${explain(error, address)}`));
  connection.on('connection', () => log.info('rabbitmq: connected'));
  connection.on('connection.blocked', (why) => log.warn(`rabbitmq: takes no messages: ${why}`));
  connection.on('connection.unblocked', () => log.info('rabbitmq: takes messages again'));

  const publisher = connection.createPublisher({ confirm: true });
  const returned = new Set<string>();
  publisher.on('basic.return', (message) => returned.add(String(message.messageId)));
  let unconfirmed = 0;
  let outcomes: { id: string; claim: string; confirmed: boolean }[] = [];
  let telling: Promise<void> | undefined;

  async function send(id: string, service: string, claim: string): Promise<void> {
    unconfirmed += 1;
    const confirmed = await sent(id, service);
    unconfirmed -= 1;
    outcomes.push({ id, claim, confirmed });
    telling ??= tell();
  }

  /** Whether the broker has the job in a queue. */
  async function sent(id: string, service: string): Promise<boolean> {
    const envelope = { routingKey: queueName(service), messageId: id };
    try {
      await publisher.send({ ...envelope, mandatory: true, durable: true }, Buffer.from(id));
    } catch {
      return false;
    }
    // What cannot be routed is returned first and confirmed then, and told in that order.
    await setImmediate();
    return !returned.delete(id);
  }

  /** Takes out of the outbox what the broker has, with one script for all that came meanwhile. */
  async function tell(): Promise<void> {
    while (outcomes.length > 0) {
      const jobs = outcomes;
      outcomes = [];
      await run('relayed', { jobs }).catch((error: unknown) => {
        // They are published once more, and workers notice.
        log.warn({ err: error }, 'rabbitmq: the outbox could not be told');
      });
    }
    telling = undefined;
  }

  function canPublish(): boolean {
    return connection.ready && unconfirmed < UNCONFIRMED_MAX;
  }

  return {
    accepting: () => ({ stream: false, ...(canPublish() && { claim_ms: CLAIM_MS }) }),
    publish({ id, service }, claim) {
      if (claim !== undefined) void send(id, service, claim);
    },
    async close() {
      connection.unsafeDestroy();
      await telling;
    },
  };
}

/**
 * The address, with the user of a new broker where it names none. Workers' client adds it by
 * itself; this one would send an empty name.
 */
function withUser(address: string): string {
  const url = new URL(address);
  if (url.username === '' && url.password === '') url.username = url.password = 'guest';
  return url.href;
}

/** What is wrong with the broker, and what to do about it. */
function explain(error: { code?: string; message?: string }, address: string): string {
  const { host, hostname, username } = new URL(address);
  switch (error.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `AMQP_URL: \`${hostname}\` cannot be resolved`;
    case 'ACCESS_REFUSED':
      return `AMQP_URL: ${host} refuses the user \`${username}\` or its password`;
    default:
      return `${host} is not reached: ${error.message || error.code}`;
  }
}
