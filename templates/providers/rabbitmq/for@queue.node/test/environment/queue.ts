export const environment = { AMQP_URL: 'amqp://127.0.0.1:1' };
