import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';

// A key's name never looks like an address, so no key can pass for the caller of another kind.
const LINE = /^([a-z0-9][a-z0-9_-]{0,62}):([0-9a-f]{64})$/;
const BEARER = /^bearer +(\S+)$/i;
const PROTOCOL = /^bearer\.(\S+)$/;

/** What a request says about who sends it. */
export interface Credentials {
  /** The header `Authorization`. */
  authorization?: string | undefined;
  /** The header `Sec-WebSocket-Protocol`: browsers can set no other one on a WebSocket. */
  protocol?: string | undefined;
  /** The client's address. */
  address: string;
}

/** Knows callers by their API keys or, where no keys are configured, by their addresses. */
export class Callers {
  /** Where this is false a caller is an address, and an address is no identity. */
  readonly configured: boolean;
  readonly #names: ReadonlyMap<string, string> | undefined;

  constructor(names?: ReadonlyMap<string, string>) {
    this.#names = names;
    this.configured = names !== undefined;
  }

  /**
   * Reads lines of `name:sha256-of-the-key-in-hex`; `#` starts a comment line. Several keys may
   * have one name, so that a key can be replaced without a gap. Without a path nobody needs a key.
   */
  static fromFile(path: string | undefined): Callers {
    if (path === undefined) return new Callers();
    const names = new Map<string, string>();
    for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) continue;
      const [, name, hash] = LINE.exec(text) ?? [];
      if (name === undefined || hash === undefined) {
        throw new Error(`${path}:${index + 1}: expected name:sha256-in-hex`);
      }
      names.set(hash, name);
    }
    return new Callers(names);
  }

  /** The caller's name; nothing if a key is needed and there is none, or an unknown one. */
  identify({ authorization, protocol, address }: Credentials): string | undefined {
    if (!this.#names) return address;
    const key = bearer(authorization) ?? bearerProtocol(protocol);
    // Found by its hash: how long that takes says nothing about the key.
    return key === undefined ? undefined : this.#names.get(hashKey(key));
  }
}

/** Whose is what callers make of whom no more is known than an address. */
export const ANONYMOUS = 'anonymous';

/** To whom it belongs what a caller makes: an address is no identity. */
export function ownerOf(caller: string): string {
  return isIP(caller) === 0 ? caller : ANONYMOUS;
}

/** How a key is written in the file. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function bearer(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1];
}

function bearerProtocol(protocols: string | undefined): string | undefined {
  for (const protocol of (protocols ?? '').split(',')) {
    const key = PROTOCOL.exec(protocol.trim())?.[1];
    if (key !== undefined) return key;
  }
  return undefined;
}
