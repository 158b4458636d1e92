import { hash } from 'node:crypto';

/** What an item says beside its name. */
export type Attributes = Record<string, string | number | boolean>;

/** What the caller decides of an item. */
export interface Content {
  name: string;
  attributes: Attributes;
}

/** The same for contents that differ in the order of their attributes alone. */
export function hashOf({ name, attributes }: Content): string {
  const sorted = Object.entries(attributes).sort(([first], [second]) => (first < second ? -1 : 1));
  return hash('sha256', JSON.stringify([name, sorted]));
}

export interface Item extends Content {
  id: string;
  owner: string;
  version: number;
  created_at: string;
  updated_at: string;
}

/** Where a page ends: time with microseconds, and id, of its last item. */
export type Position = [createdAt: string, id: string];

export interface Page {
  items: Item[];
  /** There is more after it. */
  next: Position | undefined;
}

/** One of these versions, or any. */
export type Versions = number[] | 'any';

/** Keeps items. Routes know this and nothing of what is behind it; each owner sees its own alone. */
export interface Store {
  /** The newest first, of those whose name begins with `name`. */
  list(owner: string, page: { limit: number; after?: Position; name?: string }): Promise<Page>;
  /** Throws `NotFound`. */
  get(owner: string, id: string): Promise<Item>;
  /** With a `key` that was used before, what was made then. Throws `NameTaken` and `KeyReused`. */
  create(owner: string, content: Content, key?: string): Promise<Item>;
  /** Throws `NotFound`, `VersionMoved` and `NameTaken`. */
  replace(owner: string, id: string, content: Content, versions: Versions): Promise<Item>;
  /** Throws `NotFound` and `VersionMoved`. */
  remove(owner: string, id: string, versions: Versions): Promise<void>;
}

export class NotFound extends Error {}

/** The owner has another item of this name. */
export class NameTaken extends Error {}

/** The idempotency key was sent with another content before. */
export class KeyReused extends Error {}

/** The item has another version than those that were named. */
export class VersionMoved extends Error {}
