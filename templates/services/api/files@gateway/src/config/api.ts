import { namedServices } from './named-services.ts';

export const api = {
  /** Where the own services are. */
  API_URLS: namedServices('orders=http://localhost:8080'),
};
