import { run } from '@app/http/run';
import { orExit } from '@app/http/settings';
import { buildApp } from './app.ts';
import { readConfig } from './config.ts';

const config = orExit(() => readConfig(process.env));
const app = await buildApp(config);
await run(app, config, app.metrics);
