/** A figure over several rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** How much of its limit something reaches: what is compared between machines. */
export interface Ratio {
  /** Its name in recorded.json. */
  name: string;
  label: string;
  spread: Spread;
  /** What it should be at least, where more is known than what it is. */
  goal?: number;
}

/** What a scenario gives to the report. */
export interface Section {
  ratios: Ratio[];
  /** Markdown: what was measured, as absolute figures of this machine. */
  text: string;
  plots: { name: string; svg: string }[];
}

/** How long to measure. */
export interface Effort {
  rounds: number;
  /** Of each measurement. */
  seconds: number;
}

/** A file of scenarios/. */
export interface Scenario {
  title: string;
  /** Whether `--guard` runs it. */
  guarded: boolean;
  measure(effort: Effort): Promise<Section>;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: quantile(sorted, 0), max: quantile(sorted, 1) };
}

/** @param sorted ascending, at least one; @param share from 0 to 1 */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Round by round, `one` divided by `other`. */
export function ratioOf(one: readonly number[], other: readonly number[]): Spread {
  return spreadOf(one.map((value, round) => value / (other[round] ?? Number.NaN)));
}

export function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function range({ median, min, max }: Spread): string {
  return `${shown(median)} (${shown(min)} to ${shown(max)})`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
