import { namedServices } from './named-services.ts';

export const archives = { ARCHIVE_URLS: namedServices('archive=http://localhost:3100') };
