import { z } from 'zod';

/** A service behind the gateway. */
export interface NamedService {
  name: string;
  url: string;
}

/** A setting `name=url`, for several with commas between them. */
export function namedServices(example: string) {
  return z
    .string()
    .transform((text) => text.split(',').map(parseService))
    .refine((services) => services.every(isService), 'must be name=url,name=url')
    .meta({ example });
}

function parseService(text: string): NamedService {
  const [name = '', ...url] = text.trim().split('=');
  return { name, url: url.join('=').replace(/\/+$/, '') };
}

function isService({ name, url }: NamedService): boolean {
  return name !== '' && URL.canParse(url) && /^https?:/.test(url);
}
