import { askForKey, key } from './key.js';

/**
 * @typedef {{ name: string, data: any[] }} Tensor
 * @typedef {{ outputs: Tensor[] }} Output
 * @typedef {{
 *   id: string, status: string, attempt: number, created_at: string, started_at: string | null,
 *   finished_at: string | null, output: Output | null, error: { detail: string } | null
 * }} Job
 * @typedef {{
 *   status: string, attempt: number, at: string, eventId?: string,
 *   output?: Output | null | undefined, error?: string | undefined
 * }} Step what has happened to a job
 * @typedef {(step: Step) => void} OnStep
 */

const TERMINAL = new Set(['succeeded', 'failed', 'canceled', 'expired']);
const TRIES = 4;
/** Seconds that the gateway may hold an answer back. Short, so that `running` is seen as well. */
const WAIT_S = 1;

/** @param {string} status */
export function isTerminal(status) {
  return TERMINAL.has(status);
}

/**
 * Asks for a prediction. Repeated under one key while the answer is lost or says to come back, so
 * that there is one job however often it was sent.
 * @param {string} model
 * @param {{ name: string, shape: number[], datatype: string, data: number[] }} tensor
 * @returns {Promise<Job>}
 */
export function predict(model, tensor) {
  return request('/v1/predictions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomKey() },
    body: JSON.stringify({ model, input: { inputs: [tensor] } }),
  });
}

/**
 * The job as it is now, or when it is over if that is within `wait` seconds.
 * @param {string} id
 * @param {number} [wait]
 * @returns {Promise<Job>}
 */
export function read(id, wait = 0) {
  return request(`/v1/predictions/${id}`, { headers: { prefer: `wait=${wait}` } });
}

/**
 * Follows a job to its end by asking again and again.
 * @param {Job} job
 * @param {OnStep} onStep
 */
export async function followByAsking(job, onStep) {
  let now = job;
  onStep({ status: 'queued', attempt: 1, at: now.created_at });
  while (!isTerminal(now.status)) {
    now = await read(job.id, WAIT_S);
    if (now.started_at) onStep({ status: 'running', attempt: now.attempt, at: now.started_at });
  }
  onStep(endOf(now));
}

/**
 * The last step of a job that is over.
 * @param {Job} job
 * @returns {Step}
 */
export function endOf({ status, attempt, finished_at, output, error }) {
  return { status, attempt, at: finished_at ?? '', output, error: error?.detail };
}

/**
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<Job>}
 */
async function request(url, init) {
  const headers = { ...init.headers, ...(key && { authorization: `Bearer ${key}` }) };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, { ...init, headers }).catch(() => undefined);
    if (response?.ok) return response.json();
    if (response?.status === 401) askForKey();
    const again = !response || response.status === 429 || response.status >= 500;
    if (!again || attempt === TRIES) throw new Error(await reason(response));
    const seconds = Number(response?.headers.get('retry-after') ?? attempt);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** @param {Response | undefined} response */
async function reason(response) {
  if (!response) return 'The gateway cannot be reached.';
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? `The gateway answered ${response.status}.`;
}

/** As random as a UUID. Not crypto.randomUUID: that one is missing without TLS. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
