import { find } from './dom.js';

const STORE = 'api-key';

/** The API key, where the system wants one; kept for this tab alone. */
export const key = sessionStorage.getItem(STORE) ?? undefined;

/** Shows the place for a key, after an answer with 401. */
export function askForKey() {
  const input = find('key', HTMLInputElement);
  const form = find('key-form', HTMLFormElement);
  form.hidden = false;
  input.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    sessionStorage.setItem(STORE, input.value);
    location.reload();
  };
}
