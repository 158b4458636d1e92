import { find } from './dom.js';

const CELLS = 8;
/** Width of a stroke, of the whole. */
const PEN = 0.15;
/** Alpha from which a pixel counts. */
const INKED = 128;

/**
 * Lets people draw on the canvas, by pointer or by keys.
 * @param {{ onEnter: () => void }} options `onEnter`: what the key of that name does
 * @returns {{ clear: () => void, pixels: () => number[] | undefined }}
 *   `pixels`: 64 values from 0 (paper) to 16 (ink), or nothing where nothing is drawn
 */
export function startDrawing({ onEnter }) {
  const canvas = find('canvas', HTMLCanvasElement);
  const cursor = find('cursor', HTMLElement);
  const said = find('canvas-said', HTMLElement);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser has no canvas');
  const size = canvas.width;
  const cell = size / CELLS;
  context.fillStyle = context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = size * PEN;
  context.lineCap = context.lineJoin = 'round';

  /** @type {{ x: number, y: number } | undefined} */
  let pen;
  let column = 3;
  let row = 3;

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pen = placeOf(event);
    draw(pen, pen);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!pen) return;
    // A quick hand is between two frames at many places.
    for (const moved of event.getCoalescedEvents?.() ?? [event]) {
      const next = placeOf(moved);
      draw(pen, next);
      pen = next;
    }
  });
  for (const type of ['pointerup', 'pointercancel'])
    canvas.addEventListener(type, () => (pen = undefined));
  // A stroke is no fling, after which browsers take the next tap for its end.
  canvas.addEventListener('touchstart', (event) => event.preventDefault(), { passive: false });

  canvas.addEventListener('keydown', (event) => {
    const [x, y] = STEPS[event.key] ?? [0, 0];
    if (x !== 0 || y !== 0) {
      if (event.shiftKey) ink();
      column = within(column + x);
      row = within(row + y);
      if (event.shiftKey) ink();
    } else if (event.key === ' ') {
      if (isInked(row, column)) context.clearRect(column * cell, row * cell, cell, cell);
      else ink();
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      clear();
    } else if (event.key === 'Enter') {
      onEnter();
    } else return;
    event.preventDefault();
    showCursor();
  });
  showCursor();
  said.textContent = '';

  /** @param {MouseEvent} event */
  function placeOf(event) {
    const { left, top, width } = canvas.getBoundingClientRect();
    const scale = size / width;
    return { x: (event.clientX - left) * scale, y: (event.clientY - top) * scale };
  }

  /** @param {{ x: number, y: number }} from @param {{ x: number, y: number }} to */
  function draw(from, to) {
    context?.beginPath();
    context?.moveTo(from.x, from.y);
    context?.lineTo(to.x, to.y);
    context?.stroke();
  }

  function ink() {
    context?.fillRect(column * cell, row * cell, cell, cell);
  }

  /** @param {number} y @param {number} x */
  function isInked(y, x) {
    const middle = context?.getImageData((x + 0.5) * cell, (y + 0.5) * cell, 1, 1);
    return (middle?.data[3] ?? 0) >= INKED;
  }

  function showCursor() {
    cursor.style.setProperty('--column', String(column));
    cursor.style.setProperty('--row', String(row));
    const state = isInked(row, column) ? 'ink' : 'paper';
    said.textContent = `Row ${row + 1}, column ${column + 1}: ${state}`;
  }

  function clear() {
    context?.clearRect(0, 0, size, size);
  }

  return {
    clear,
    pixels: () => context && cellsOf(context.getImageData(0, 0, size, size)),
  };
}

/** @type {Record<string, [number, number]>} */
const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** @param {number} place */
function within(place) {
  return Math.min(CELLS - 1, Math.max(0, place));
}

/**
 * What the model was trained on: a bitmap of 32 by 32 with the digit in its middle, of which each 4
 * by 4 pixels are counted. The digit is 30 high, or 20 wide where that is less.
 * @param {ImageData} image
 * @returns {number[] | undefined}
 */
function cellsOf({ data, width, height }) {
  /** @param {number} x @param {number} y */
  const isInk = (x, y) =>
    x >= 0 && x < width && y >= 0 && y < height && (data[(y * width + x) * 4 + 3] ?? 0) >= INKED;
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!isInk(x, y)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return undefined;
  const side = CELLS * 4;
  const scale = Math.max((right - left + 1) / 20, (bottom - top + 1) / 30);
  const cells = Array.from({ length: CELLS * CELLS }, () => 0);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const fromX = Math.floor((left + right + 1) / 2 + (x + 0.5 - side / 2) * scale);
      const fromY = Math.floor((top + bottom + 1) / 2 + (y + 0.5 - side / 2) * scale);
      const index = Math.floor(y / 4) * CELLS + Math.floor(x / 4);
      if (isInk(fromX, fromY)) cells[index] = (cells[index] ?? 0) + 1;
    }
  }
  return cells;
}
