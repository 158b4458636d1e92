import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { z } from 'zod';
import type { Log } from './pool.ts';

/** What a service has to be told of who wants to know what changes. */
export const outboxSettings = {
  REALTIME_URL: z
    .url({ protocol: /^https?$/, error: 'must be an address' })
    .transform((url) => url.replace(/\/+$/, ''))
    .meta({ example: 'http://localhost:3001' }),
};

/** Any number, the same for all: one replica tells at a time, so that events keep their order. */
const LOCK = 7_266_105;
const AT_ONCE = 100;
const PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const PATIENCE_MS = 5_000;
/** By these realtime says that it will never take an event. */
const NEVER = new Set([400, 413, 414, 422]);

interface Row {
  position: string;
  channel: string;
  event: unknown;
}

/**
 * Tells realtime what the outbox holds until `signal` is aborted. An event is removed once realtime
 * has it, so that none is lost; where this process ends between the two, it is told again.
 */
export async function relay(
  pool: pg.Pool,
  { url, from }: { url: string; from: string },
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  let pause = PAUSE_MS;
  while (!signal.aborted) {
    try {
      const told = await tellSome(pool, { url, from }, log);
      pause = PAUSE_MS;
      if (told === AT_ONCE) continue;
    } catch (error) {
      if (pause === PAUSE_MS) log.warn({ err: error }, 'events wait in the outbox');
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
    await wait(pause, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Tells the oldest events, and returns how many. Those before one that fails are removed, and so is
 * what will never be taken: all others would wait behind it.
 */
async function tellSome(
  pool: pg.Pool,
  { url, from }: { url: string; from: string },
  log: Log,
): Promise<number> {
  const { told, failure } = await inTransaction(pool, async (client) => {
    const told: string[] = [];
    const { rows: locks } = await client.query<{ mine: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1) AS mine',
      [LOCK],
    );
    if (locks[0]?.mine !== true) return { told };
    const { rows } = await client.query<Row>(
      'SELECT position, channel, event FROM outbox.events ORDER BY position LIMIT $1',
      [AT_ONCE],
    );
    let failure: unknown;
    for (const row of rows) {
      try {
        const status = await tell(url, from, row);
        if (NEVER.has(status)) {
          const { channel, event } = row;
          log.warn(
            { channel, event_id: idOf(event), status },
            'an event cannot be told, and is dropped',
          );
        }
      } catch (error) {
        failure = error;
        break;
      }
      told.push(row.position);
    }
    await client.query('DELETE FROM outbox.events WHERE position = ANY ($1)', [told]);
    return { told, failure };
  });
  if (failure !== undefined) throw failure;
  return told.length;
}

async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  // The next statement says it as well. Without a listener a lost connection ends the process.
  const lost = (): void => {};
  client.on('error', lost);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.off('error', lost);
    client.release();
    return result;
  } catch (error) {
    // Whatever has become of its transaction, nobody else gets this connection.
    client.release(true);
    throw error;
  }
}

function idOf(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'id' in event ? event.id : undefined;
}

async function tell(url: string, from: string, { channel, event }: Row): Promise<number> {
  const answer = await fetch(`${url}/internal/channels/${encodeURIComponent(channel)}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from, event }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  await answer.arrayBuffer();
  const { status } = answer;
  if (status !== 204 && !NEVER.has(status)) throw new Error(`realtime answered ${status}`);
  return status;
}
