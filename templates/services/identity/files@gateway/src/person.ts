/** `node src/person.ts export|erase OWNER`: what is kept here of a person, or none of it any more. */
import { runPersonal } from '@app/sessions/personal';

await runPersonal(new URL('./personal/', import.meta.url));
