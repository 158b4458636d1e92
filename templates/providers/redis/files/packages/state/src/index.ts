export { connect, stateSettings, type Log, type RedisClient } from './connect.ts';
export { Hints } from './hints.ts';
export { State, StateUnavailable } from './state.ts';
