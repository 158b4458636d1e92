import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { buffer } from 'node:stream/consumers';

/** An inference service of a few lines: it has one model, and answers what a test wants. */
export interface TestInference {
  url: string;
  /** What was asked, in order. */
  asked: { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer }[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export const metadata = {
  name: 'digits',
  versions: ['1'],
  platform: 'onnx',
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 4] }],
  outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
};

export async function startInference(t: TestContext): Promise<TestInference> {
  const inference: TestInference = {
    url: '',
    asked: [],
    answer(request, response) {
      const known = request.url === '/v2/models/digits';
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(known ? metadata : { error: 'there is no such model' }));
    },
  };
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { method = '', url = '', headers } = request;
      inference.asked.push({ method, url, headers, body });
      inference.answer(request, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  inference.url = `http://127.0.0.1:${address.port}`;
  return inference;
}
