// RFC 7240: preferences with commas between them, each with an optional value and parameters.
const PREFERENCE = /^\s*([^\s=;]+)\s*(?:=\s*("?)([^";]*)\2\s*)?(?:;.*)?$/;

/** What a header `Prefer` asks for, as far as it is known here. */
export interface Preference {
  /** How long the answer may be waited for, in seconds. */
  wait: number;
  /** What was honoured, for the header `Preference-Applied`; absent if nothing was asked for. */
  waited?: string;
  /** The same for an answer that is not waited for. */
  async?: string;
}

/** Preferences that are not valid are ignored, a wait that is too long is shortened. */
export function parsePrefer(header: string | string[] | undefined, waitMax: number): Preference {
  if (header === undefined) return { wait: 0 };
  const preferences = new Map<string, string>();
  for (const text of [header].flat().join(',').split(',')) {
    const [, name = '', , value = ''] = PREFERENCE.exec(text) ?? [];
    // The first of several counts.
    if (!preferences.has(name.toLowerCase())) preferences.set(name.toLowerCase(), value.trim());
  }
  const asked = preferences.get('wait') ?? '';
  const wait = /^\d{1,9}$/.test(asked) ? Math.min(Number(asked), waitMax) : undefined;
  return {
    wait: wait ?? 0,
    ...(wait !== undefined && { waited: `wait=${wait}` }),
    ...(preferences.has('respond-async') && { async: 'respond-async' }),
  };
}
