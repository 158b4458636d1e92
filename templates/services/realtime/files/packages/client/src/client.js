/** Codes of refusals after which it is worth to ask again. */
const PASSING = new Set(['unavailable', 'rate-limited']);

/**
 * Realtime over one WebSocket, in a browser as it is: reconnects after 0.5 to 30 s, at random so
 * that clients do not come back all at once, and resumes each topic after the last event seen.
 *
 * @typedef {{ op: 'event', topic: string, id: string | null, type: string, data: any }} TopicEvent
 * @typedef {(event: TopicEvent) => void} OnEvent
 * @typedef {(error: Error) => void} OnError
 * @typedef {{ id: string, caller: string | null }} Member
 * @typedef {{ onEvent: OnEvent, onError: OnError, after: string | undefined, members: Member[] }} Subscription
 * @typedef {{ key?: string, onState?: (state: 'open' | 'closed') => void }} Options
 */
export class Client {
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  /** @type {Map<number, { resolve: (answer: any) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #attempts = 0;
  #closed = false;
  #ref = 0;
  #url;
  #options;

  /**
   * @param {string | URL} url such as `wss://example.com/v1/ws`
   * @param {Options} [options] `key`: the API key, where the service wants one
   */
  constructor(url, options = {}) {
    this.#url = url;
    this.#options = options;
    this.#connect();
  }

  /**
   * Calls `onEvent` with each event of the topic, across reconnects. An event of type `gap` says
   * that some may be lost: read the present state. One of type `presence` always has `members`,
   * whoever is listed by then. `onError` is told when the topic is refused.
   * @param {string} topic
   * @param {OnEvent} onEvent
   * @param {{ after?: string, onError?: OnError }} [options] `after`: the last event seen, or `0`
   * @returns {() => void} ends the subscription
   */
  subscribe(topic, onEvent, { after, onError = () => {} } = {}) {
    const subscription = { onEvent, onError, after, members: [] };
    this.#subscriptions.set(topic, subscription);
    if (this.#isOpen()) this.#resume(topic, subscription);
    return () => {
      if (this.#subscriptions.get(topic) !== subscription) return;
      this.#subscriptions.delete(topic);
      if (this.#isOpen()) this.#leave(topic);
    };
  }

  /**
   * Rejects without a connection, and when it is lost before the answer: then the event may have
   * been published or not.
   * @param {string} topic
   * @param {unknown} data
   * @returns {Promise<{ id: string }>}
   */
  publish(topic, data) {
    return this.#ask({ op: 'publish', topic, data });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #connect() {
    const { key, onState } = this.#options;
    const socket = new WebSocket(this.#url, key === undefined ? ['v1'] : ['v1', `bearer.${key}`]);
    this.#socket = socket;
    socket.onopen = () => {
      onState?.('open');
      for (const [topic, subscription] of this.#subscriptions) this.#resume(topic, subscription);
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('disconnected'));
      this.#waiting.clear();
      onState?.('closed');
      if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), this.#delay());
    };
  }

  /** @param {{ code?: string }} [error] @returns {number} milliseconds until the next attempt */
  #delay(error) {
    // What was asked for too often is allowed again soon.
    if (error?.code === 'rate-limited') return 500 + Math.random() * 1_000;
    this.#attempts += 1;
    return 500 + Math.random() * (Math.min(30_000, 500 * 2 ** this.#attempts) - 500);
  }

  /** @param {string} topic */
  #leave(topic) {
    const socket = this.#socket;
    this.#ask({ op: 'unsubscribe', topic }).catch((error) => {
      if (error.code !== 'rate-limited') return;
      setTimeout(() => {
        if (this.#subscriptions.has(topic) || this.#socket !== socket) return;
        if (this.#isOpen()) this.#leave(topic);
      }, this.#delay(error));
    });
  }

  /** @param {string} topic @param {Subscription} subscription */
  #resume(topic, subscription) {
    const socket = this.#socket;
    this.#ask({ op: 'subscribe', topic, after: subscription.after }).then(
      // Only an answer proves that the service works: a socket may open and close again.
      (answer) => {
        this.#attempts = 0;
        subscription.after ??= answer.after;
      },
      (error) => {
        if (this.#subscriptions.get(topic) !== subscription || error.message === 'disconnected')
          return;
        if (!PASSING.has(error.code)) return subscription.onError(error);
        setTimeout(() => {
          // After a reconnect it has been asked for again.
          if (this.#subscriptions.get(topic) !== subscription || this.#socket !== socket) return;
          if (this.#isOpen()) this.#resume(topic, subscription);
        }, this.#delay(error));
      },
    );
  }

  /** @param {object} request @returns {Promise<any>} */
  #ask(request) {
    if (!this.#isOpen()) return Promise.reject(new Error('disconnected'));
    const ref = (this.#ref += 1);
    this.#socket?.send(JSON.stringify({ ...request, ref }));
    return new Promise((resolve, reject) => this.#waiting.set(ref, { resolve, reject }));
  }

  /** @param {any} message */
  #take(message) {
    if (message.op === 'event') {
      const subscription = this.#subscriptions.get(message.topic);
      if (!subscription) return;
      if (message.id !== null) subscription.after = message.id;
      if (message.type === 'presence') message.data.members = present(subscription, message.data);
      return subscription.onEvent(message);
    }
    const waiting = this.#waiting.get(message.ref);
    this.#waiting.delete(message.ref);
    if (message.op === 'error')
      waiting?.reject(Object.assign(new Error(message.detail), { code: message.code }));
    else waiting?.resolve(message);
  }
}

/**
 * Who is listed after a `presence`: the first one has the list, those that follow what has changed.
 * @param {Subscription} subscription
 * @param {{ members?: Member[], joined: Member[], left: string[] }} data
 */
function present(subscription, { members, joined, left }) {
  const stayed = () => subscription.members.filter(({ id }) => !left.includes(id));
  return (subscription.members = members ?? [...stayed(), ...joined]);
}
