import { header, type Documented } from './openapi.ts';
import { PROBLEM_TYPE, ProblemDocument } from './problems.ts';

/** A problem as one of the answers of a route, beside those of `problems`. */
export function problemAnswer(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: ProblemDocument } } };
}

/** For a route's `config`: the headers of its answers, by status and name, and what they say. */
export function answersWith(headers: Record<number, Record<string, string>>): {
  openapi: Documented;
} {
  const responses: Documented = {};
  for (const [status, texts] of Object.entries(headers)) {
    const described = Object.entries(texts).map(([name, text]) => [name, header(text)]);
    responses[status] = { headers: Object.fromEntries(described) };
  }
  return { openapi: { responses } };
}
