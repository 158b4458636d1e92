export const environment = { INFERENCE_URLS: 'inference=http://127.0.0.1:1' };
