import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { test } from 'node:test';
import { append, refusal, startRedis, startService, TestClient, until } from './harness.ts';

const { url, redis } = await startRedis();
const service = await startService(url, {
  WS_MAX_PAYLOAD_BYTES: '2048',
  PUBLISH_MAX_BYTES: '1024',
  PUBLISH_PER_SECOND: '1',
});

test('publishes to all who are subscribed, on this replica and another', async () => {
  const other = await startService(url);
  const [publisher, here, there] = await Promise.all([
    TestClient.open(service),
    TestClient.open(service),
    TestClient.open(other),
  ]);
  await Promise.all([here.subscribe('channels/all'), there.subscribe('channels/all')]);

  const published = await publisher.ask({
    op: 'publish',
    topic: 'channels/all',
    data: { text: 'hello' },
  });

  const event = {
    op: 'event',
    topic: 'channels/all',
    id: published.id,
    type: 'message',
    data: { text: 'hello' },
  };
  assert.equal(published.op, 'published');
  assert.deepEqual(await here.receives('channels/all', 1), [event]);
  assert.deepEqual(await there.receives('channels/all', 1), [event]);
  assert.deepEqual(publisher.events('channels/all'), []);
});

test('a channel begins now without `after`, at the beginning with `0`', async () => {
  await append(redis, 'begin', 1);
  const [now, all] = await Promise.all([TestClient.open(service), TestClient.open(service)]);
  await Promise.all([now.subscribe('channels/begin'), all.subscribe('channels/begin', '0')]);
  await append(redis, 'begin', 2);
  await now.receives('channels/begin', 1);
  await all.receives('channels/begin', 2);
  assert.deepEqual(now.data('channels/begin'), [2]);
  assert.deepEqual(all.data('channels/begin'), [1, 2]);
});

test('resumes after the id of an event', async () => {
  const ids = [];
  for (let n = 1; n <= 3; n += 1) ids.push(await append(redis, 'resume', n));
  const client = await TestClient.open(service);
  await client.subscribe('channels/resume', ids[0]);
  await client.receives('channels/resume', 2);
  assert.deepEqual(client.data('channels/resume'), [2, 3]);
});

test('`subscribed` tells where a channel began, so that one cut off before its first event misses none', async () => {
  await append(redis, 'early', 1);
  const first = await TestClient.open(service);
  const { after: from } = await first.subscribe('channels/early');
  first.ws.terminate();
  await append(redis, 'early', 2);
  const second = await TestClient.open(service);
  await second.subscribe('channels/early', from);
  await second.receives('channels/early', 1);
  assert.deepEqual(second.data('channels/early'), [2]);
});

test('says `gap` when the entry named by `after` is gone, and goes on with what there is', async () => {
  const lost = await append(redis, 'gap', 1);
  await append(redis, 'gap', 2);
  await append(redis, 'gap', 3);
  await redis.xTrim('channel:gap', 'MAXLEN', 1);
  const client = await TestClient.open(service);
  await client.subscribe('channels/gap', lost);
  const [gap, event] = await client.receives('channels/gap', 2);
  assert.deepEqual(gap, {
    op: 'event',
    topic: 'channels/gap',
    id: null,
    type: 'gap',
    data: { after: lost },
  });
  assert.equal(event?.data, 3);
});

test('after a gap up to the end of a stream, events that follow still come', async () => {
  await append(redis, 'future', 1);
  const client = await TestClient.open(service);
  await client.subscribe('channels/future', '99999999999999-0');
  await client.receives('channels/future', 1);
  await append(redis, 'future', 2);
  const events = await client.receives('channels/future', 2);
  assert.deepEqual(
    events.map(({ type, data }) => [type, data]),
    [
      ['gap', { after: '99999999999999-0' }],
      ['message', 2],
    ],
  );
});

test('unsubscribed topics are silent', async () => {
  const client = await TestClient.open(service);
  await client.subscribe('channels/left');
  await client.subscribe('channels/kept');
  assert.equal(
    (await client.ask({ op: 'unsubscribe', topic: 'channels/left' })).op,
    'unsubscribed',
  );
  await append(redis, 'left', 1);
  await append(redis, 'kept', 1);
  await client.receives('channels/kept', 1);
  assert.deepEqual(client.events('channels/left'), []);
});

test('a second subscription to a topic takes the place of the first', async () => {
  await append(redis, 'twice', 1);
  const client = await TestClient.open(service);
  await client.subscribe('channels/twice');
  await client.subscribe('channels/twice', '0');
  await append(redis, 'twice', 2);
  await client.receives('channels/twice', 2);
  await client.ask({ op: 'unsubscribe', topic: 'channels/twice' });
  assert.deepEqual(client.data('channels/twice'), [1, 2]);
});

test('refuses what is not valid, and the socket stays', async () => {
  const client = await TestClient.open(service);
  client.ws.send('{');
  client.ws.send(Buffer.from('{}'));
  client.ws.send('null');
  const answers = [
    await client.ask({ op: 'dance' }),
    await client.ask({ op: 'subscribe', topic: 7 }),
    await client.ask({ op: 'subscribe', topic: 'channels/x', extra: true }),
    await client.ask({ op: 'subscribe', topic: 'channels/x', after: 'yesterday' }),
    await client.ask({ op: 'subscribe', topic: 'channels/with space' }),
    await client.ask({ op: 'subscribe', topic: 'secrets/x' }),
    await client.ask({ op: 'subscribe', topic: 'channels' }),
    await client.ask({ op: 'publish', topic: 'channels/x' }),
    await client.ask({ op: 'publish', topic: 'channels/x', data: 'x'.repeat(1025) }),
  ];
  const unnamed = client.messages.filter(({ ref }) => ref === undefined);
  assert.deepEqual(
    [...unnamed, ...answers].map(({ op, code }) => `${op} ${code}`),
    [
      ...Array.from({ length: 7 }, () => 'error invalid-message'),
      ...Array.from({ length: 3 }, () => 'error unknown-topic'),
      'error invalid-message',
      'error too-large',
    ],
  );
  await client.subscribe('channels/x');
});

test('refuses data that nests too deep, and says so', async () => {
  const shallow = await startService(url, { BODY_DEPTH_MAX: '8' });
  const client = await TestClient.open(shallow);
  const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const publish = (data: string): void =>
    client.ws.send(`{"op":"publish","ref":"deep","topic":"channels/deep","data":${data}}`);
  for (const levels of [9, 900]) {
    publish(nested(levels));
    await until(() => client.messages.length > 0, 'an answer');
    assert.deepEqual(client.messages.splice(0), [
      {
        op: 'error',
        ref: 'deep',
        code: 'invalid-message',
        title: 'The message is not valid',
        detail: 'data: nests deeper than 8 levels',
      },
    ]);
  }
  publish(nested(8));
  await until(() => client.messages.length > 0, 'an answer');
  assert.equal(client.messages[0]?.op, 'published');
});

test('no message, however deep, is taken for an outage', async () => {
  const deep = await startService(url);
  const client = await TestClient.open(deep);
  const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
  const messages = [
    `{"op":"publish","topic":"channels/deep","data":${nested}}`,
    `{"op":"subscribe","topic":${nested}}`,
    `{"op":${nested},"topic":"channels/deep"}`,
    `{"op":"subscribe","topic":"channels/deep","ref":${nested}}`,
    `{"op":"subscribe","topic":"channels/deep","after":${nested}}`,
    nested,
  ];
  for (const message of messages) client.ws.send(message);
  await until(() => client.messages.length === messages.length, 'all answers');
  assert.deepEqual(
    client.messages.map(({ code }) => code),
    messages.map(() => 'invalid-message'),
  );
});

test('one socket has at most 100 subscriptions', async () => {
  const client = await TestClient.open(service);
  for (let n = 0; n < 100; n += 1) await client.subscribe(`channels/many-${n}`);
  assert.equal(
    (await client.ask({ op: 'subscribe', topic: 'channels/more' })).code,
    'too-many-subscriptions',
  );
  await client.ask({ op: 'unsubscribe', topic: 'channels/many-0' });
  await client.subscribe('channels/more');
});

test('a socket that publishes too often is refused, another one is not', async () => {
  const [busy, calm] = await Promise.all([TestClient.open(service), TestClient.open(service)]);
  const answers = await Promise.all(
    [1, 2].map((data) => busy.ask({ op: 'publish', topic: 'channels/busy', data })),
  );
  assert.deepEqual(
    answers.map(({ op, code }) => code ?? op),
    ['published', 'rate-limited'],
  );
  assert.equal(
    (await calm.ask({ op: 'publish', topic: 'channels/busy', data: 0 })).op,
    'published',
  );
});

test('a socket that subscribes or unsubscribes too often is refused, another one is not', async () => {
  const slow = await startService(url, { SUBSCRIBE_PER_SECOND: '1', WS_SUBSCRIPTIONS_MAX: '2' });
  const [busy, calm] = await Promise.all([TestClient.open(slow), TestClient.open(slow)]);
  const ops = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? 'subscribe' : 'unsubscribe'));
  const answers = await Promise.all(ops.map((op) => busy.ask({ op, topic: 'channels/busy' })));
  const words = answers.map(({ op, code }) => code ?? op);
  // All topics that it may have, and as many others, at once.
  assert.deepEqual(words.slice(0, 4), ['subscribed', 'unsubscribed', 'subscribed', 'unsubscribed']);
  assert.ok(words.filter((word) => word === 'rate-limited').length > 50, words.join());
  await calm.subscribe('channels/busy');
});

test('a channel expires after its last event, and keeps as many as the limit', async () => {
  const small = await startService(url, {
    CHANNEL_MAXLEN: '1',
    CHANNEL_TTL_S: '60',
    PUBLISH_PER_SECOND: '1000',
  });
  const client = await TestClient.open(small);
  for (let n = 0; n < 3; n += 1)
    await client.ask({ op: 'publish', topic: 'channels/small', data: n });
  const ttl = await redis.ttl('channel:small');
  assert.ok(ttl > 0 && ttl <= 60, `ttl ${ttl}`);
  assert.equal(await redis.xLen('channel:small'), 1);
});

test('closes with 1009 when a message is too large', async () => {
  const client = await TestClient.open(service);
  client.ws.send('x'.repeat(2049));
  assert.equal((await client.closed).code, 1009);
});

test('answers a request that would change to another protocol as if it did not', async () => {
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' };
  const [answer] = await once(get(`${service.url}/livez`, { headers }), 'response');
  answer.resume();
  assert.equal(answer.statusCode, 200);
});

test('answers elsewhere than at /v1/ws with 404', async () => {
  assert.equal(await refusal(service, {}, '/v2/ws'), 404);
});

test('pages of the same host connect, others not', async () => {
  const host = service.url.replace('http://', '');
  await TestClient.open(service, { origin: `http://${host}` });
  await TestClient.open(service, {
    origin: 'https://app.example.com',
    headers: { 'x-forwarded-host': 'app.example.com' },
  });
  assert.equal(await refusal(service, { origin: 'https://evil.example.com' }), 403);
  assert.equal(await refusal(service, { origin: 'null' }), 403);
});

test('with a list of origins, those on it connect and no others', async () => {
  const listed = await startService(url, {
    ALLOWED_ORIGINS: 'https://a.example.com,https://b.example.com',
  });
  await TestClient.open(listed, { origin: 'https://b.example.com' });
  await TestClient.open(listed);
  assert.equal(await refusal(listed, { origin: listed.url }), 403);
  const response = await fetch(`${listed.url}/livez`, {
    headers: { origin: 'https://a.example.com' },
  });
  assert.equal(response.headers.get('access-control-allow-origin'), 'https://a.example.com');
});

test('where keys are configured, a socket needs one, in a header or beside the protocol', async () => {
  const closed = await startService(url, {}, { ann: 'secret' });
  assert.equal(await refusal(closed), 401);
  assert.equal(await refusal(closed, { headers: { authorization: 'Bearer wrong' } }), 401);
  await TestClient.open(closed, { headers: { authorization: 'Bearer secret' } });
  const browser = await TestClient.open(closed, {}, ['v1', 'bearer.secret']);
  assert.equal(browser.ws.protocol, 'v1');
});
