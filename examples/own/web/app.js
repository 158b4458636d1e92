// What the page consists of: each part knows its own section of index.html.
import { find } from './dom.js';
import { askForKey, key } from './key.js';

const greeting = find('greeting', HTMLElement);
const problem = find('hello-problem', HTMLElement);

find('hello', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  void sayHello(find('who', HTMLInputElement).value);
});
void sayHello('world');

/**
 * Asks the gateway for a greeting, and shows it or what is wrong.
 * @param {string} name
 */
async function sayHello(name) {
  let said = '';
  let wrong = '';
  try {
    const response = await fetch(`/v1/hello?${new URLSearchParams({ name })}`, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    });
    if (response.status === 401) askForKey();
    const answer = await response.json();
    if (response.ok) said = answer.greeting;
    else wrong = answer.detail;
  } catch {
    wrong = 'The gateway does not answer.';
  }
  greeting.textContent = said;
  problem.textContent = wrong;
}
