import type { TopicKind } from '../topic.ts';

/** Channels exist as soon as somebody names them, and are open to every caller. */
export const kind: TopicKind = {
  prefix: 'channels',
  name: /^[A-Za-z0-9_.-]{1,128}$/,
  eventsUrl: '/v1/channels/:name/events',
  from: 'now',
  terminal: new Set(),
  shared: true,
  key: (name) => `channel:${name}`,
  find: async () => 'open',
};
