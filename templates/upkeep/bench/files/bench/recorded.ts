import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { shown, type Ratio } from './figures.ts';

/** `--guard` fails below this share of what is recorded: noise stays above, a lost half does not. */
const GUARD = 0.6;

/** Ratios by their names, as this project's owner measured them with `--record`. */
export type Recorded = Readonly<Record<string, number>>;

/** What the file holds; undefined where nobody has recorded anything. */
export function read(path: string): Recorded | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Recorded) : undefined;
}

/** Puts the medians of `ratios` into the file, beside those of scenarios that did not run. */
export function record(path: string, ratios: readonly Ratio[]): void {
  const known = { ...read(path) };
  for (const { name, spread } of ratios) known[name] = Math.round(spread.median * 100) / 100;
  writeFileSync(path, `${JSON.stringify(known, undefined, 2)}\n`);
}

/** What is wrong with each ratio that has fallen too far, or has nothing to be compared with. */
export function complaints(ratios: readonly Ratio[], recorded: Recorded): string[] {
  return ratios.flatMap(({ name, label, spread }) => {
    const kept = recorded[name];
    if (kept === undefined) return [`not recorded: ${label}: make bench FLAGS=--record`];
    // The best round: what noise takes away least from.
    if (spread.max >= kept * GUARD) return [];
    return [`slower: ${label}: ${shown(spread.max)}, recorded ${shown(kept)}`];
  });
}
