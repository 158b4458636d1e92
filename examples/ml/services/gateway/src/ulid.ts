import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * A new id that sorts by time: https://github.com/ulid/spec. The package `ulid` asks the system for
 * randomness once for each character, which takes ten times as long.
 */
export function ulid(now: number = Date.now()): string {
  let time = '';
  for (let rest = now; time.length < 10; rest = Math.floor(rest / 32)) {
    time = ALPHABET.charAt(rest % 32) + time;
  }
  let id = time;
  for (const byte of randomBytes(16)) id += ALPHABET.charAt(byte % 32);
  return id;
}
