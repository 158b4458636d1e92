import { find, make } from './dom.js';
import { startDrawing } from './drawing.js';
import { isTerminal, predict } from './jobs.js';

/** @import { Job, OnStep, Output, Step } from './jobs.js' */

const DIGITS = 10;
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

/**
 * Draw a digit, and watch what becomes of it.
 * @param {(job: Job, onStep: OnStep) => unknown} follow tells each step of a job once, or more often
 */
export function startDigits(follow) {
  const verdict = find('verdict', HTMLElement);
  const jobId = find('job', HTMLElement);
  const steps = find('steps', HTMLElement);
  const view = find('view', HTMLElement);
  const seen = find('seen', HTMLCanvasElement);
  const bars = Array.from({ length: DIGITS }, (_, digit) => makeBar(digit));
  find('bars', HTMLElement).append(...bars.map(({ row }) => row));
  const drawing = startDrawing({ onEnter: ask });
  find('predict', HTMLElement).addEventListener('click', ask);
  /** Counts predictions: what is told of an earlier one is not shown. */
  let latest = 0;

  find('clear', HTMLElement).addEventListener('click', () => {
    latest += 1;
    drawing.clear();
    reset('Draw, then predict');
  });
  reset('Draw, then predict');

  async function ask() {
    const data = drawing.pixels();
    if (!data) return reset('Draw a digit first');
    latest += 1;
    const mine = latest;
    reset('Asking');
    showPixels(seen, data);
    view.hidden = false;
    try {
      const job = await predict('digits', {
        name: 'image',
        shape: [1, data.length],
        datatype: 'FP32',
        data,
      });
      if (mine !== latest) return;
      jobId.textContent = job.id;
      verdict.textContent = 'Waiting';
      /** @type {Map<string, HTMLElement>} */
      const shown = new Map();
      await follow(job, (step) => {
        if (mine !== latest) return;
        const name = `${step.status} ${step.attempt}`;
        const item = makeStep(step, Date.parse(step.at) - Date.parse(job.created_at));
        const before = shown.get(name);
        if (before) before.replaceWith(item);
        else steps.append(item);
        shown.set(name, item);
        if (isTerminal(step.status)) end(step);
      });
    } catch (error) {
      if (mine === latest)
        verdict.textContent = `${error instanceof Error ? error.message : error}`;
    }
  }

  /** @param {string} text */
  function reset(text) {
    verdict.textContent = text;
    jobId.textContent = '';
    view.hidden = true;
    steps.replaceChildren();
    showBars([]);
  }

  /** @param {Step} step */
  function end({ status, output, error }) {
    const values = probabilities(output);
    const best = values.indexOf(Math.max(...values));
    showBars(values);
    if (status !== 'succeeded' || best < 0) {
      verdict.textContent = `Job ${status}${error ? `: ${error}` : ''}`;
      return;
    }
    verdict.replaceChildren(
      make('span', 'unseen', 'This is a '),
      make('strong', '', String(best)),
      make('span', '', ` ${percent.format(values[best] ?? 0)} sure`),
    );
  }

  /** @param {number[]} values */
  function showBars(values) {
    const most = Math.max(...values);
    for (const [digit, { row, fill, text }] of bars.entries()) {
      const value = values[digit];
      fill.style.setProperty('--value', String(value ?? 0));
      text.textContent = value === undefined ? '' : percent.format(value);
      row.classList.toggle('most', value !== undefined && value === most);
    }
  }
}

/**
 * Shows what the model is given, a dot for each value.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} values
 */
function showPixels(canvas, values) {
  const { width, height } = canvas;
  const image = new ImageData(width, height);
  for (const [index, value] of values.entries()) image.data[index * 4 + 3] = (value / 16) * 255;
  canvas.getContext('2d')?.putImageData(image, 0, 0);
}

/** @param {number} digit */
function makeBar(digit) {
  const fill = make('span', 'fill');
  const text = make('span', 'value');
  const row = make(
    'li',
    '',
    make('span', 'digit', String(digit)),
    make('span', 'track', fill),
    text,
  );
  return { row, fill, text };
}

/** @param {Step} step @param {number} ms since the job was accepted */
function makeStep({ status, attempt, at, eventId }, ms) {
  const time = make('time', '', `+${Math.max(0, ms).toFixed(0)} ms`);
  time.setAttribute('datetime', at);
  const item = make('li', status, make('span', 'status', status), time);
  if (attempt > 1) item.append(make('span', 'attempt', `attempt ${attempt}`));
  if (eventId) {
    item.append(make('code', '', eventId));
    item.dataset['event'] = eventId;
  }
  return item;
}

/** @param {Output | null | undefined} output @returns {number[]} */
function probabilities(output) {
  const found = output?.outputs.find(({ name }) => name === 'probabilities');
  return found?.data.flat() ?? [];
}
