import { find, make } from './dom.js';

/** @import { Connection } from './connection.js' */
/** @import { TopicEvent } from './client.js' */

const KEPT = 200;
const NAME = 'name';
const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/**
 * A channel to chat in: what was said, who is there, and a place to say something.
 * @param {Connection} connection
 * @param {string} topic
 */
export function startChannel(connection, topic) {
  const messages = find('messages', HTMLElement);
  const said = find('said', HTMLElement);
  const presence = find('presence', HTMLElement);
  const problem = find('say-problem', HTMLElement);
  const name = find('name', HTMLInputElement);
  const text = find('text', HTMLInputElement);
  name.value = sessionStorage.getItem(NAME) ?? guestName();
  name.addEventListener('change', () => sessionStorage.setItem(NAME, name.value));

  // From the beginning: what was said before is of interest to who comes later.
  connection.subscribe(topic, take, {
    after: '0',
    onError: (error) => (problem.textContent = error.message),
  });
  connection.onState((isOpen) => {
    presence.classList.toggle('stale', !isOpen);
    if (isOpen) problem.textContent = '';
  });

  find('say', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.textContent = '';
    const data = { from: name.value, text: text.value };
    sessionStorage.setItem(NAME, name.value);
    try {
      await connection.publish(topic, data);
      if (text.value === data.text) text.value = '';
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      problem.textContent =
        detail === 'disconnected' ? 'Not connected. Send it again in a moment.' : detail;
    }
    text.focus();
  });

  /** @param {TopicEvent} event */
  function take({ id, type, data }) {
    if (type === 'presence') return showPresence(data.count, data.members);
    const wasAtEnd = said.scrollTop + said.clientHeight > said.scrollHeight - 40;
    messages.append(type === 'gap' ? makeGap() : makeMessage(id ?? '', data));
    while (messages.childElementCount > KEPT) messages.firstElementChild?.remove();
    if (wasAtEnd) said.scrollTop = said.scrollHeight;
  }

  /** @param {number} count @param {{ id: string, caller: string | null }[]} members */
  function showPresence(count, members) {
    const dots = members.slice(0, 5).map(({ id }) => {
      const dot = make('span', 'dot');
      dot.style.setProperty('--hue', String(hueOf(id)));
      return dot;
    });
    const names = members.flatMap(({ caller }) => caller ?? []);
    presence.replaceChildren(make('span', 'dots', ...dots), `${count} here`);
    presence.title = names.join(', ');
  }
}

/** @param {string} id @param {any} data whatever somebody has published */
function makeMessage(id, data) {
  const from = String(data?.from ?? 'somebody').slice(0, 40);
  const who = make('span', 'from', from);
  who.style.setProperty('--hue', String(hueOf(from)));
  const at = new Date(Number(id.split('-')[0]));
  const time = make('time', '', clock.format(at));
  time.setAttribute('datetime', at.toISOString());
  const item = make('li', '', who, time, make('p', '', String(data?.text ?? JSON.stringify(data))));
  item.dataset['event'] = id;
  return item;
}

function makeGap() {
  return make('li', 'gap', 'Some messages are no longer kept.');
}

/** @param {string} text @returns {number} degrees, the same for the same text */
function hueOf(text) {
  let hash = 0;
  for (const char of text) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 360;
  return hash;
}

function guestName() {
  return `guest-${Math.floor(Math.random() * 900 + 100)}`;
}
