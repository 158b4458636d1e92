/** A place in a stream: the id of an entry, `0-0` before the first. */
export interface Position {
  id: string;
  ms: number;
  seq: number;
}

export const start: Position = { id: '0-0', ms: 0, seq: 0 };

/** Reads `<ms>-<seq>` or `<ms>`; undefined where it is no id of a stream. */
export function parsePosition(text: string): Position | undefined {
  // Fifteen digits keep both halves exact as numbers, and last for thirty thousand years.
  const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
  if (!match) return undefined;
  const ms = Number(match[1]);
  const seq = Number(match[2] ?? 0);
  return { id: `${ms}-${seq}`, ms, seq };
}

export function isAfter(a: Position, b: Position): boolean {
  return a.ms === b.ms ? a.seq > b.seq : a.ms > b.ms;
}

/** One event of a topic, written out once for all who read it. */
export class Event {
  readonly topic: string;
  readonly type: string;
  /** Undefined for what is not in the stream: a gap, presence. */
  readonly position: Position | undefined;
  readonly #data: string;
  #frame: Buffer | undefined;
  #block: Buffer | undefined;

  /** @param data JSON on one line */
  constructor(topic: string, type: string, data: string, id?: string) {
    this.topic = topic;
    this.type = type;
    this.position = id === undefined ? undefined : parsePosition(id);
    this.#data = data;
  }

  /** As a WebSocket message. */
  get frame(): Buffer {
    return (this.#frame ??= this.#toFrame());
  }

  /** As a server-sent event. */
  get block(): Buffer {
    return (this.#block ??= this.#toBlock());
  }

  #toFrame(): Buffer {
    const { topic, type } = this;
    const head = JSON.stringify({ op: 'event', topic, id: this.position?.id ?? null, type });
    return Buffer.from(`${head.slice(0, -1)},"data":${this.#data}}`);
  }

  #toBlock(): Buffer {
    const id = this.position ? `id: ${this.position.id}\n` : '';
    return Buffer.from(`${id}event: ${this.type}\ndata: ${this.#data}\n\n`);
  }
}
