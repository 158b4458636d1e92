import { find, make } from './dom.js';

const person = find('person', HTMLElement);
void show();

/** Says who is signed in, with a way out, or shows the way in. */
async function show() {
  const response = await fetch('/v1/me');
  if (response.status === 401) {
    const link = make('a', '', 'Sign in');
    link.setAttribute('href', '/auth/login?to=/');
    person.replaceChildren(link);
  } else if (response.ok) {
    const { name, sub } = await response.json();
    const button = make('button', '', 'Sign out');
    button.addEventListener('click', () => void signOut());
    person.replaceChildren(name ?? sub, ' ', button);
  }
}

/** Signs out here, and goes to where that is done at the issuer. */
async function signOut() {
  const response = await fetch('/auth/logout', { method: 'POST' });
  const { to } = await response.json();
  location.assign(to);
}
