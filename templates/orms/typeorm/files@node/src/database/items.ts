import { brokenUnique, retrying } from '@app/postgres/failures';
import { In, type Repository } from 'typeorm';
import * as port from '../store.ts';
import type { Row } from './schema.ts';

/** A time with the microseconds that a `Date` has not. */
const EXACT_TIME = `to_char(item.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** Items in PostgreSQL. Each statement is a transaction of its own. */
export class ItemStore implements port.Store {
  readonly #items: () => Promise<Repository<Row>>;

  /** `items` is asked for each time, as there may be no connection yet. */
  constructor(items: () => Promise<Repository<Row>>) {
    this.#items = items;
  }

  async list(
    owner: string,
    { limit, after, name }: Parameters<port.Store['list']>[1],
  ): Promise<port.Page> {
    const items = await this.#items();
    const query = items
      .createQueryBuilder('item')
      .addSelect(EXACT_TIME, 'time')
      .where({ owner })
      .orderBy({ 'item.created_at': 'DESC', 'item.id': 'DESC' })
      // One more tells whether there is more.
      .limit(limit + 1);
    if (name !== undefined) query.andWhere('starts_with(item.name, :name)', { name });
    if (after) {
      const [time, id] = after;
      const place = '(CAST(:time AS timestamptz), CAST(:id AS uuid))';
      query.andWhere(`(item.created_at, item.id) < ${place}`, { time, id });
    }
    const { entities, raw } = await query.getRawAndEntities<{ time: string }>();
    const page = entities.slice(0, limit);
    const last = page.at(-1);
    const time = raw[page.length - 1]?.time;
    const next: port.Position | undefined =
      last && time !== undefined && entities.length > limit ? [time, last.id] : undefined;
    return { items: page.map(toItem), next };
  }

  async get(owner: string, id: string): Promise<port.Item> {
    const items = await this.#items();
    const row = await items.findOneBy({ id, owner });
    if (!row) throw new port.NotFound();
    return toItem(row);
  }

  async create(owner: string, content: port.Content, key?: string): Promise<port.Item> {
    const items = await this.#items();
    const request_hash = key === undefined ? null : port.hashOf(content);
    const values = { ...content, owner, idempotency_key: key ?? null, request_hash };
    const { raw } = await retrying(
      async () =>
        await items
          .createQueryBuilder()
          .insert()
          .values(values)
          .orIgnore()
          .returning('*')
          .execute(),
    );
    const [made]: Row[] = raw;
    if (made) return toItem(made);

    const inTheWay = await items.findBy([
      { owner, name: content.name },
      ...(key === undefined ? [] : [{ owner, idempotency_key: key }]),
    ]);
    const earlier = inTheWay.find((row) => key !== undefined && row.idempotency_key === key);
    if (earlier && earlier.request_hash !== request_hash) throw new port.KeyReused();
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
    const items = await this.#items();
    try {
      // TypeORM counts the version and sets the time of the change.
      const { raw } = await retrying(
        async () => await items.update(own(owner, id, versions), content, { returning: '*' }),
      );
      const [row]: Row[] = raw;
      if (row) return toItem(row);
    } catch (error) {
      if (brokenUnique(error) === 'items_owner_name_key') throw new port.NameTaken();
      throw error;
    }
    return await this.#refuse(owner, id);
  }

  async remove(owner: string, id: string, versions: port.Versions): Promise<void> {
    const items = await this.#items();
    const { affected } = await retrying(async () => await items.delete(own(owner, id, versions)));
    if (!affected) await this.#refuse(owner, id);
  }

  /** Says why there was nothing to change: it is not there, or not in one of the versions. */
  async #refuse(owner: string, id: string): Promise<never> {
    await this.get(owner, id);
    throw new port.VersionMoved();
  }
}

function own(owner: string, id: string, versions: port.Versions) {
  return { id, owner, ...(versions !== 'any' && { version: In(versions) }) };
}

function toItem({ id, owner, name, attributes, version, created_at, updated_at }: Row): port.Item {
  const times = { created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
  return { id, owner, name, attributes, version, ...times };
}
