export const environment = { ARCHIVE_URLS: 'archive=http://127.0.0.1:1' };
