import type { State } from '@app/state';
import { z } from 'zod';
import { idOf, newSecret } from './sessions.ts';

/** Who has asked for it, and how long that one may read. */
const Ticket = z.object({
  caller: z.string(),
  roles: z.array(z.string()).optional(),
  /** The session that it was asked for in. */
  session: z.string().optional(),
  /** When the token ends that it was asked for with, in milliseconds. */
  ends: z.number().optional(),
});

export type Ticket = z.output<typeof Ticket>;

/** Makes a ticket for so many seconds, and returns the secret that is good for once. */
export async function issueTicket(state: State, ticket: Ticket, seconds: number): Promise<string> {
  const secret = newSecret();
  await state.ask(async (redis) =>
    redis.set(keyOf(secret), JSON.stringify(ticket), {
      expiration: { type: 'EX', value: seconds },
    }),
  );
  return secret;
}

/** Takes a ticket: whoever comes with it next gets nothing. */
export async function takeTicket(state: State, secret: string): Promise<Ticket | undefined> {
  const text = await state.ask(async (redis) => redis.getDel(keyOf(secret)));
  return text === null ? undefined : Ticket.parse(JSON.parse(text));
}

function keyOf(secret: string): string {
  return `ticket:${idOf(secret)}`;
}
