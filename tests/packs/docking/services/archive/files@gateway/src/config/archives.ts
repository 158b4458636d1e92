import { z } from 'zod';

export const archives = {
  ARCHIVE_URLS: z
    .string()
    .transform((text) => new Map(text.split(',').map(parseArchive)))
    .refine((found) => [...found].every(isArchive), 'must be name=url,name=url')
    .meta({ example: 'archive=http://localhost:3100' }),
};

function parseArchive(text: string): [name: string, url: string] {
  const [name = '', ...url] = text.trim().split('=');
  return [name, url.join('=').replace(/\/+$/, '')];
}

function isArchive([name, url]: [name: string, url: string]): boolean {
  return name !== '' && URL.canParse(url) && /^https?:/.test(url);
}
