import { answerError, Problem, type Fault } from '@app/http/problems';
import { databaseProblem } from '@app/postgres/failures';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { KeyReused, NameTaken, NotFound, VersionMoved } from './store.ts';

/** Answers what a route throws: the errors of the store, of the database, and all others. */
export function answerFailure(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  answerError(storeProblem(error) ?? databaseProblem(error) ?? error, request, reply);
}

function storeProblem(error: Error): Problem | undefined {
  if (error instanceof NotFound) return new Problem(404, 'not-found', 'There is no such item.');
  if (error instanceof VersionMoved) {
    return new Problem(412, 'version-moved', 'The item has another version by now: read it again.');
  }
  if (error instanceof NameTaken) {
    const errors: Fault[] = [{ pointer: '/name', detail: 'is the name of another item' }];
    return new Problem(409, 'name-taken', 'There is an item of this name.', { errors });
  }
  if (error instanceof KeyReused) {
    const detail = 'The idempotency key was sent with another body before.';
    return new Problem(422, 'idempotency-key-reused', detail);
  }
  return undefined;
}
