import { shown, type Spread } from './figures.ts';

const WIDTH = 720;
const LABELS = 230;
const COLOURS = ['#1f6feb', '#8b949e'];

/** Bars from 0 on, the thin line from minimum to maximum. Ours is blue, what it is beside is grey. */
export function bars(
  title: string,
  unit: string,
  rows: readonly { name: string; spread: Spread; ours?: boolean }[],
): string {
  const largest = Math.max(...rows.map(({ spread }) => spread.max));
  const scale = (value: number): number => (value / largest) * (WIDTH - LABELS - 110);
  const height = 56 + 30 * rows.length;
  const drawn = rows.map(({ name, spread, ours = false }, index) => {
    const y = 44 + 30 * index;
    const x = (value: number): string => (LABELS + scale(value)).toFixed(1);
    return [
      `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${name}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${scale(spread.median).toFixed(1)}" height="20" rx="2" fill="${COLOURS[ours ? 0 : 1]}"/>`,
      `<line x1="${x(spread.min)}" y1="${y + 10}" x2="${x(spread.max)}" y2="${y + 10}" stroke="#24292f"/>`,
      `<text x="${LABELS + scale(spread.max) + 8}" y="${y + 15}">${shown(spread.median)} ${unit}</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f" role="img" aria-label="${title}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="15" font-weight="600">${title}</text>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}
