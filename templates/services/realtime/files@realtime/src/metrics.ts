import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export const registry = new Registry();
collectDefaultMetrics({ register: registry });

const registers = [registry];

export const sockets = new Gauge({ name: 'realtime_sockets', help: 'Open WebSockets', registers });
export const streams = new Gauge({
  name: 'realtime_sse_streams',
  help: 'Open server-sent event streams',
  registers,
});
export const subscriptions = new Gauge({
  name: 'realtime_subscriptions',
  help: 'Topics that sockets are subscribed to',
  registers,
});
export const events = new Counter({
  name: 'realtime_events_sent_total',
  help: 'Events sent',
  labelNames: ['transport'] as const,
  registers,
});
export const slowConsumers = new Counter({
  name: 'realtime_slow_consumer_closes_total',
  help: 'Readers cut off because too much was buffered for them',
  labelNames: ['transport'] as const,
  registers,
});
export const lag = new Histogram({
  name: 'realtime_event_lag_seconds',
  help: 'From the time in the id of an event to its sending, for readers that are up to date',
  buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 10],
  registers,
});
