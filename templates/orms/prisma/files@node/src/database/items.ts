import { brokenUnique, retrying } from '@app/postgres/failures';
import * as port from '../store.ts';
import { Prisma, type Item as Row } from './generated/client.ts';
import type { Client } from './client.ts';

/** Items in PostgreSQL. Each statement is a transaction of its own. */
export class ItemStore implements port.Store {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async list(
    owner: string,
    { limit, after, name = '' }: Parameters<port.Store['list']>[1],
  ): Promise<port.Page> {
    const before = after
      ? Prisma.sql`AND (created_at, id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`
      : Prisma.empty;
    // Prisma compares no pairs, and of times it knows milliseconds.
    const rows = await this.#client.$queryRaw<(Row & { time: string })[]>`
      SELECT id, owner, name, attributes, version, created_at AS "createdAt", updated_at AS "updatedAt",
        to_char(created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS time
      FROM items WHERE owner = ${owner} AND starts_with(name, ${name}) ${before}
      ORDER BY created_at DESC, id DESC LIMIT ${limit + 1}`;
    // One more than asked for tells whether there is more.
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next: port.Position | undefined =
      last && rows.length > limit ? [last.time, last.id] : undefined;
    return { items: page.map(toItem), next };
  }

  async get(owner: string, id: string): Promise<port.Item> {
    const row = await this.#client.item.findFirst({ where: { id, owner } });
    if (!row) throw new port.NotFound();
    return toItem(row);
  }

  async create(owner: string, content: port.Content, key?: string): Promise<port.Item> {
    const requestHash = key === undefined ? null : port.hashOf(content);
    const data = { ...content, owner, idempotencyKey: key ?? null, requestHash };
    const [made] = await retrying(
      async () => await this.#client.item.createManyAndReturn({ data, skipDuplicates: true }),
    );
    if (made) return toItem(made);

    const sameKey = key === undefined ? [] : [{ idempotencyKey: key }];
    const inTheWay = await this.#client.item.findMany({
      where: { owner, OR: [{ name: content.name }, ...sameKey] },
    });
    const earlier = inTheWay.find((row) => key !== undefined && row.idempotencyKey === key);
    if (earlier && earlier.requestHash !== requestHash) throw new port.KeyReused();
    if (earlier) return toItem(earlier);
    if (inTheWay.length > 0) throw new port.NameTaken();
    // What was in the way is gone meanwhile.
    return await this.create(owner, content, key);
  }

  async replace(
    owner: string,
    id: string,
    content: port.Content,
    versions: port.Versions,
  ): Promise<port.Item> {
    const where = own(owner, id, versions);
    const data = { ...content, version: { increment: 1 }, updatedAt: new Date() };
    try {
      const [row] = await retrying(
        async () => await this.#client.item.updateManyAndReturn({ where, data }),
      );
      if (row) return toItem(row);
    } catch (error) {
      if (brokenUnique(error) === 'items_owner_name_key') throw new port.NameTaken();
      throw error;
    }
    return await this.#refuse(owner, id);
  }

  async remove(owner: string, id: string, versions: port.Versions): Promise<void> {
    const where = own(owner, id, versions);
    const { count } = await retrying(async () => await this.#client.item.deleteMany({ where }));
    if (count === 0) await this.#refuse(owner, id);
  }

  /** Says why there was nothing to change: it is not there, or not in one of the versions. */
  async #refuse(owner: string, id: string): Promise<never> {
    await this.get(owner, id);
    throw new port.VersionMoved();
  }
}

function own(owner: string, id: string, versions: port.Versions): Prisma.ItemWhereInput {
  return { id, owner, ...(versions !== 'any' && { version: { in: versions } }) };
}

function toItem({ id, owner, name, attributes, version, createdAt, updatedAt }: Row): port.Item {
  const times = { created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() };
  // What `schemas.ts` has let in.
  return { id, owner, name, attributes: attributes as port.Attributes, version, ...times };
}
