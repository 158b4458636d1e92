import { z } from 'zod';

export const api = {
  /** Where the own services are, by their names. */
  API_URLS: z
    .string()
    .transform((text) => new Map(text.split(',').map(parseService)))
    .refine((services) => [...services].every(isService), 'must be name=url,name=url')
    .meta({ example: 'orders=http://localhost:8080' }),
};

function parseService(text: string): [name: string, url: string] {
  const [name = '', ...url] = text.trim().split('=');
  return [name, url.join('=').replace(/\/+$/, '')];
}

function isService([name, url]: [name: string, url: string]): boolean {
  return name !== '' && URL.canParse(url) && /^https?:/.test(url);
}
