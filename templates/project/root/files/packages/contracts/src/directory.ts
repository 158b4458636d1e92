import { join } from 'node:path';

/** Where the contracts are: schemas, scripts and limits, shared with the Python services. */
export const contractsDir =
  process.env['CONTRACTS_DIR'] || join(import.meta.dirname, '../../../contracts');
