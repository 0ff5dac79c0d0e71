import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { answerEarly } from '../src/http/answerEarly';

describe('An answer to a request whose body is still coming', () => {
  test.each([
    ['never stops sending', { longestMs: 200, idleMs: 10_000 }, 'x'],
    ['stops in the middle', { longestMs: 10_000, idleMs: 200 }, ''],
  ])(
    'When the client %s, then it has the answer, and the connection is closed after a while',
    async (_, limits, more) => {
      const server = createServer((request, response) => {
        response.statusCode = 413;
        answerEarly(request, response, 'too large', limits);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
      const sending = setInterval(() => socket.write(more), 20);
      try {
        expect(await text(socket)).toMatch(/^HTTP\/1.1 413.*Connection: close.*too large$/s);
      } finally {
        clearInterval(sending);
        socket.destroy();
        server.closeAllConnections();
        server.close();
      }
    },
  );
});
