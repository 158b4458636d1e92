export const environment = { REALTIME_URL: 'http://127.0.0.1:1' };
