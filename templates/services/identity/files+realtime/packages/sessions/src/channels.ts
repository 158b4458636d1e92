import { hash } from 'node:crypto';

/** A name of a channel has 128 characters at most, and other words in it. */
const LONGEST = 100;

/**
 * A subject as a part of a channel's name: letters, digits and `-` as they are, all else as `_` and two
 * hexadecimal digits for each byte; where that is too long, `__` and the subject's SHA-256.
 */
export function nameOf(sub: string): string {
  const escape = (character: string) =>
    [...Buffer.from(character)].map((byte) => `_${byte.toString(16).padStart(2, '0')}`).join('');
  const name = sub.replaceAll(/[^A-Za-z0-9-]/gu, escape);
  return name.length <= LONGEST ? name : `__${hash('sha256', sub)}`;
}

/** A person's own channel. */
export function ownChannel(sub: string): string {
  return `own.${nameOf(sub)}`;
}
