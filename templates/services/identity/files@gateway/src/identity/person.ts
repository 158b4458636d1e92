import { z } from 'zod';
import { BadToken } from './issuer.ts';

/** What is known of a person by the claims of the issuer. */
export interface Person {
  sub: string;
  name?: string;
  roles: string[];
}

const Sub = z.string().min(1).max(255);
const Roles = z.array(z.string());

/** Who the claims are about; `path` leads to the roles. Throws `BadToken` where they do not say who. */
export function personOf(claims: object, path: string): Person {
  const sub = Sub.safeParse(at(claims, ['sub'])).data;
  if (sub === undefined) throw new BadToken('the token is about nobody');
  const name = z.string().safeParse(at(claims, ['name'])).data;
  const roles = Roles.safeParse(at(claims, path.split('.'))).data ?? [];
  return { sub, ...(name !== undefined && { name }), roles };
}

function at(value: unknown, path: string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return at(Object.entries(value).find(([key]) => key === name)?.[1], rest);
}
