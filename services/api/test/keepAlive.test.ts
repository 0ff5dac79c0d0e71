import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { createHttpServer } from '../src/http/server';

/** nginx, Envoy and the balancers of the large clouds keep an unused connection for 60 seconds or less by default. */
const proxyMs = 60_000;

test('When a connection is unused, then it is kept longer than proxies keep theirs, and may carry another request', async () => {
  const server = createHttpServer((_request, response) => response.end('done'), { maxConnections: 10 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    for (const path of ['/first', '/second']) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const answer = String((await once(socket, 'data'))[0]);
      const [, seconds] = /^Keep-Alive: timeout=(\d+)/m.exec(answer) ?? [];
      expect(Number(seconds) * 1000).toBeGreaterThan(proxyMs);
    }
    // Otherwise Node would end a kept connection when the first line of its next request arrives.
    expect(server.headersTimeout).toBeGreaterThan(server.keepAliveTimeout);
    expect(server.timeout).toBeGreaterThan(server.keepAliveTimeout);
  } finally {
    socket.destroy();
    server.close();
  }
});
