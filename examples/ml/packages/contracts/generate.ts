/**
 * Writes the types of contracts/*.schema.json to src/types.ts; with `--check` only compares them.
 * Run it after each change of a schema.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFromFile } from 'json-schema-to-typescript';
import { contractsDir } from './src/index.ts';

const parts = ['// Written by packages/contracts/generate.ts.\n'];
for (const file of readdirSync(contractsDir).sort()) {
  if (!file.endsWith('.schema.json')) continue;
  const types = await compileFromFile(join(contractsDir, file), {
    additionalProperties: false,
    bannerComment: `// From contracts/${file}.`,
    style: { printWidth: 100, singleQuote: true, trailingComma: 'all' },
  });
  parts.push(types);
}
const text = parts.join('\n');
const path = join(import.meta.dirname, 'src/types.ts');
if (!process.argv.includes('--check')) {
  writeFileSync(path, text);
} else if (readFileSync(path, 'utf8') !== text) {
  process.stderr.write(`${path} does not match the schemas\n`);
  process.exitCode = 1;
}
