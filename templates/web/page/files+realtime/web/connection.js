import { Client } from './client.js';
import { find, make } from './dom.js';
import { askForKey, key } from './key.js';

/** @import { TopicEvent } from './client.js' */
/** @typedef {Pick<Client, 'publish' | 'subscribe'> & { onState: (listener: (isOpen: boolean) => void) => void }} Connection */

const KEPT = 40;

/**
 * Opens the page's one connection, and shows how it is and what comes over it.
 * @returns {Connection}
 */
export function connect() {
  const state = find('state', HTMLElement);
  const reconnects = find('reconnects', HTMLElement);
  const count = find('count', HTMLElement);
  const rows = find('events', HTMLElement);
  /** @type {((isOpen: boolean) => void)[]} */
  const listeners = [];
  let opened = 0;
  let counted = 0;

  const url = new URL('/v1/ws', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = new Client(url, {
    ...(key !== undefined && { key }),
    onState(now) {
      state.dataset['state'] = now;
      state.textContent = now === 'open' ? 'Connected' : 'Reconnecting';
      if (now === 'open') {
        if (opened > 0) mark('connected again');
        opened += 1;
        reconnects.textContent = String(opened - 1);
      } else {
        if (opened === 0) void askWhy();
        if (rows.firstElementChild?.className !== 'mark lost') mark('connection lost', 'lost');
      }
      for (const listener of listeners) listener(now === 'open');
    },
  });

  /** @param {string} text @param {string} [kind] */
  function mark(text, kind = 'back') {
    const cell = make('td', '', text);
    cell.setAttribute('colspan', '3');
    add(make('tr', `mark ${kind}`, cell));
  }

  /** @param {TopicEvent} event */
  function note({ topic, type, id }) {
    counted += 1;
    count.textContent = String(counted);
    const [kind = '', name = ''] = topic.split('/');
    const row = make(
      'tr',
      '',
      make('td', '', make('span', 'kind', `${kind}/`), make('code', '', name)),
      make('td', '', type),
      make('td', '', make('code', '', id ?? '–')),
    );
    if (id) row.dataset['event'] = id;
    add(row);
  }

  /** @param {HTMLElement} row */
  function add(row) {
    rows.prepend(row);
    while (rows.childElementCount > KEPT) rows.lastElementChild?.remove();
  }

  return {
    publish: (topic, data) => client.publish(topic, data),
    subscribe: (topic, onEvent, options) =>
      client.subscribe(
        topic,
        (event) => {
          note(event);
          onEvent(event);
        },
        options,
      ),
    onState: (listener) => listeners.push(listener),
  };
}

/** A browser does not say why a socket was refused; a request does. */
async function askWhy() {
  const asked = new AbortController();
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const url = '/v1/channels/lobby/events';
  const response = await fetch(url, { headers, signal: asked.signal }).catch(() => undefined);
  if (response?.status === 401) askForKey();
  asked.abort();
}
