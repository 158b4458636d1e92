import { parsePosition, type Position } from './ids.ts';

/** One event of a topic, written out once for all who read it. */
export class Event {
  readonly topic: string;
  readonly type: string;
  /** Undefined for what is not in the stream: a gap, presence. */
  readonly position: Position | undefined;
  readonly #data: string;
  #frame: string | undefined;
  #block: string | undefined;

  /** @param data JSON on one line */
  constructor(topic: string, type: string, data: string, id?: string) {
    this.topic = topic;
    this.type = type;
    this.position = id === undefined ? undefined : parsePosition(id);
    this.#data = data;
  }

  /** As a WebSocket message. */
  get frame(): string {
    const { topic, type } = this;
    const head = JSON.stringify({ op: 'event', topic, id: this.position?.id ?? null, type });
    this.#frame ??= `${head.slice(0, -1)},"data":${this.#data}}`;
    return this.#frame;
  }

  /** As a server-sent event. */
  get block(): string {
    const id = this.position ? `id: ${this.position.id}\n` : '';
    this.#block ??= `${id}event: ${this.type}\ndata: ${this.#data}\n\n`;
    return this.#block;
  }
}
