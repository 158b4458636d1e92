/** Prints the OpenAPI document of the service in whose folder it runs. */
import { join } from 'node:path';

const { buildApp } = await import(join(process.cwd(), 'src/app.ts'));
const { readConfig } = await import(join(process.cwd(), 'src/config.ts'));
const app = await buildApp(readConfig(process.env));
process.stdout.write(JSON.stringify(app.swagger()));
await app.close();
