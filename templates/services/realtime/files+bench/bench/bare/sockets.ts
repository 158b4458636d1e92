// What fanning out costs without a service: `ws` sends what one client says to all of them.
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

const server = createServer((_request, response) => response.end('ready'));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  socket.on('message', (data) => {
    const text = String(data);
    const frame = JSON.stringify({ ...(JSON.parse(text) as object), op: 'event' });
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(frame);
    }
  });
});
server.listen(Number(process.env['PORT']), '127.0.0.1');
