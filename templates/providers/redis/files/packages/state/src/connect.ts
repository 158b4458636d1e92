import { createClient } from 'redis';
import { z } from 'zod';

/** What a service has to be told to find it. */
export const stateSettings = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must be an address of Redis' })
    .meta({ example: 'redis://localhost:6379' }),
};

export interface Log {
  info(message: string): void;
  warn(fields: object, message: string): void;
}

/** Options as their own object, so that its type is the client's type. */
function options(url: string, name: string) {
  return {
    url,
    name,
    // What cannot be sent now fails now; whoever waits decides whether to repeat it.
    disableOfflineQueue: true,
    // Whoever asks has a patience of its own: another timer for each command would only cost.
    commandOptions: { timeout: 0 },
    // A server that hangs keeps its sockets open: without pings nobody would notice.
    pingInterval: 2_000,
    socket: {
      connectTimeout: 2_000,
      socketTimeout: 5_000,
      reconnectStrategy: () => 100 + Math.random() * 900,
    },
  };
}

export type RedisClient = ReturnType<typeof createRedisClient>;

function createRedisClient(url: string, name: string) {
  return createClient(options(url, name));
}

/**
 * A client that is usable at once: it connects in the background for as long as it takes, and
 * again whenever the connection is lost. Meanwhile commands are refused.
 */
export function connect(url: string, name: string, log: Log): RedisClient {
  const client = createRedisClient(url, name);
  let lost: string | undefined;
  client.on('error', (error: Error) => {
    // Said once and not for each of the attempts that follow.
    if (lost === undefined) log.warn({ err: error }, `redis: ${name} is not connected`);
    lost = error.message;
  });
  client.on('ready', () => {
    lost = undefined;
    log.info(`redis: ${name} is connected`);
  });
  client.connect().catch((error: unknown) => {
    // Only a client that was closed while it connected comes here.
    if (client.isOpen) log.warn({ err: error }, `redis: ${name} gave up`);
  });
  return client;
}
