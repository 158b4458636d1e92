import { parsePosition, type Position } from './ids.ts';

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
