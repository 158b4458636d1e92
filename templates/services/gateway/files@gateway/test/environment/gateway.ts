export const environment = { SERVICE_NAME: 'gateway', LOG_LEVEL: 'silent' };
