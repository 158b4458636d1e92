/**
 * Writes the types of contracts/*.schema.json to src/; with `--check` only compares them.
 * Run it after each change of a schema.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFromFile } from 'json-schema-to-typescript';
import { contractsDir } from './src/index.ts';

const SUFFIX = '.schema.json';
const check = process.argv.includes('--check');

for (const file of readdirSync(contractsDir).sort()) {
  if (!file.endsWith(SUFFIX)) continue;
  const types = await compileFromFile(join(contractsDir, file), {
    additionalProperties: false,
    bannerComment: `// Written by packages/contracts/generate.ts from contracts/${file}.`,
    style: { printWidth: 100, singleQuote: true, trailingComma: 'all' },
  });
  const path = join(import.meta.dirname, 'src', `${file.slice(0, -SUFFIX.length)}.ts`);
  if (!check) {
    writeFileSync(path, types);
  } else if (readFileSync(path, 'utf8') !== types) {
    process.stderr.write(`${path} does not match ${file}\n`);
    process.exitCode = 1;
  }
}
