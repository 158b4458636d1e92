import { join } from 'node:path';
import { runMigrations } from '@app/postgres/migrate';

await runMigrations(join(import.meta.dirname, '../migrations'));
