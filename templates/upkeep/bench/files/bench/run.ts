import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { range, table, type Effort, type Ratio, type Scenario, type Section } from './figures.ts';
import { complaints, read, record } from './recorded.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    guard: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    record: { type: 'boolean', default: false },
  },
});

const folder = import.meta.dirname;
const recordedPath = join(folder, 'recorded.json');
const recorded = read(recordedPath);
if (options.guard && !recorded) {
  console.error('error: nothing is recorded to compare with\n\nhint: make bench FLAGS=--record');
  process.exit(1);
}
const effort: Effort = options.guard
  ? { rounds: 2, seconds: 2 }
  : { rounds: Number(options.rounds), seconds: Number(options.seconds) };

const measured: [string, Section][] = [];
for (const file of readdirSync(join(folder, 'scenarios')).sort()) {
  if (options.only !== '' && !file.startsWith(options.only)) continue;
  const scenario = (await import(`./scenarios/${file}`)) as Scenario;
  if (options.guard && !scenario.guarded) continue;
  const begun = performance.now();
  const section = await scenario.measure(effort);
  measured.push([scenario.title, section]);
  console.log(`${scenario.title}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  for (const ratio of section.ratios) console.log(`  ${ratio.label}: ${range(ratio.spread)}`);
}
const ratios = measured.flatMap(([, section]) => section.ratios);

if (options.guard) {
  for (const complaint of complaints(ratios, recorded ?? {})) {
    console.error(complaint);
    process.exitCode = 1;
  }
} else {
  if (options.record) record(recordedPath, ratios);
  writeReport(join(folder, 'report'));
}

function writeReport(target: string): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  const parts = [
    '# How fast the system is',
    `Written by \`make bench\` on ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}. ` +
      `Each ratio is of two measurements in turn, ${effort.seconds} s each: the median of ${effort.rounds} rounds, with the smallest and the largest. ` +
      'Ratios can be compared between machines; absolute figures cannot, and all load comes from the machine that carries the system. ' +
      'Everything runs as it is shipped (Redis with `appendfsync always`); only what one client may do in a minute is raised, since all load comes from one.',
    summary(ratios),
  ];
  for (const [title, section] of measured) {
    parts.push(`## ${title}`, section.text);
    for (const { name, svg } of section.plots) {
      writeFileSync(join(target, `${name}.svg`), svg);
      parts.push(`![${title}](${name}.svg)`);
    }
  }
  writeFileSync(join(target, 'README.md'), `${parts.join('\n\n')}\n`);
  console.log(`written: bench/report/README.md`);
}

function summary(all: readonly Ratio[]): string {
  return table(
    ['what', 'ratio (min to max)', 'goal', ''],
    all.map(({ label, spread, goal }) => [
      label,
      range(spread),
      goal === undefined ? '' : `at least ${goal}`,
      goal === undefined ? '' : spread.median >= goal ? 'reached' : 'missed',
    ]),
  );
}
