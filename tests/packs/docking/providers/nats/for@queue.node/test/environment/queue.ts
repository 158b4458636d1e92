export const environment = { NATS_URL: 'nats://127.0.0.1:1' };
