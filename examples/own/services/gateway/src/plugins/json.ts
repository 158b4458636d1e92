import { parseJson, unreadable, visitTexts } from '@app/http/json';
import plugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyRequest {
    /** How much JSON was read, in characters. */
    jsonLength: number;
  }
}

/** JSON is spoken here; everything else is an unsupported media type. */
export default plugin(async (app) => {
  app.decorateRequest('jsonLength', 0);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, text, done) => {
      request.jsonLength = text.length;
      done(null, parseStrictJson(text, app.config.BODY_DEPTH_MAX));
    },
  );
});

/**
 * Parses a body for services behind. Throws a `Problem` where they could not read it: it is no
 * JSON, nests deeper than `levels`, has a key `__proto__`, which a copy of the object would take for
 * its prototype, or half of a surrogate pair, which is no character and has no form in UTF-8
 * (RFC 8259, 8.2).
 */
export function parseStrictJson(text: string, levels: number): unknown {
  const document = parseJson(text, levels);
  if (/__proto__|\\u(?:00|d[89a-f])/i.test(text)) visitTexts(document, checkText);
  return document;
}

function checkText(text: string, path: readonly string[], isKey: boolean): void {
  if (isKey && text === '__proto__') {
    throw unreadable([...path, text], '`__proto__` cannot be a key');
  }
  if (!text.isWellFormed()) {
    throw unreadable(path, 'has half of a surrogate pair, which is no character');
  }
}
