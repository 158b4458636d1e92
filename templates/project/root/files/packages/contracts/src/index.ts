export { contractsDir } from './directory.ts';
export { ConfigurationError, orExit, readEnvironment } from './environment.ts';
export { limits } from './limits.ts';
