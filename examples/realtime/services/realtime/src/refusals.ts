import { Problem, unavailable } from '@app/http/problems';

export function unknown(): Problem {
  return new Problem(401, 'unauthorized', 'A valid API key is needed.');
}

export function storeUnavailable(cause: unknown): Problem {
  return unavailable('state-unavailable', 'The event store cannot be reached.', cause);
}
