import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { testApiKey, textPdf, waitFor } from '@millrace/test-support';
import { createHttpServer } from '../src/http/server';
import { TestApi } from './support';
import { UploadApi } from './uploads';

const head = (length: number) =>
  `POST /api/v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${testApiKey}\r\n` +
  `Content-Type: application/pdf\r\nContent-Length: ${length}\r\n\r\n`;

/** Sends one byte after the other. @returns what ends it */
function trickle(socket: Socket, content: string): () => void {
  let place = 0;
  const timer = setInterval(() => socket.write(content[place++ % content.length] ?? ''), 100);
  socket.on('error', () => undefined).on('close', () => clearInterval(timer));
  return () => {
    clearInterval(timer);
    socket.destroy();
  };
}

test('When hundreds of clients send a byte now and then, as headers and as bodies, then the API answers others', async () => {
  const uploads = await UploadApi.start();
  const stops: (() => void)[] = [];
  try {
    const port = Number(new URL(uploads.api.url).port);
    for (let i = 0; i < 300; i++) {
      const socket = connect(port, '127.0.0.1');
      if (i % 3 === 0) {
        socket.write(head(90_000));
      }
      stops.push(trickle(socket, i % 3 === 0 ? '%PDF-1.7 ' : 'GET / HTTP/1.1\r\nX-Slow: '));
    }
    await waitFor('the slow uploads to begin', async () => (await uploads.files()).length >= 100);
    const answer = await uploads.post().attach('file', await textPdf(['Not slow.']), 'a.pdf');
    expect(answer.status).toBe(202);
    expect((await uploads.api.client.get('/api/v1/documents')).status).toBe(200);
    for (const stop of stops) {
      stop();
    }
    await waitFor('their files to go', async () => (await uploads.files()).length === 1);
  } finally {
    for (const stop of stops) {
      stop();
    }
    await uploads.stop();
  }
});

describe('A server with a pace', () => {
  const pace = { windowMs: 2_000, bytes: 1_000 };

  async function serve(run: (port: number) => Promise<void>, maxConnections = 10): Promise<void> {
    const server = createHttpServer(
      async (request, response) => {
        try {
          response.end(`${(await text(request)).length}`);
        } catch {
          response.destroy();
        }
      },
      { maxConnections, pace },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await run((server.address() as AddressInfo).port);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  test('When a body trickles, then the answer is REQUEST_TOO_SLOW, and the connection is closed', () =>
    serve(async (port) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(head(90_000));
      const stop = trickle(socket, 'x');
      expect(await text(socket)).toMatch(/^HTTP\/1.1 408 .*REQUEST_TOO_SLOW/s);
      stop();
    }));

  test('When a body keeps its pace, then it may take longer than the window', () =>
    serve(async (port) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
      let sent = 0;
      // More than two windows by the clock, however slow the machine is.
      for (const began = performance.now(); performance.now() - began < 2.5 * pace.windowMs; sent += pace.bytes) {
        socket.write(`${pace.bytes.toString(16)}\r\n${'x'.repeat(pace.bytes)}\r\n`);
        await setTimeout(20);
      }
      socket.write('0\r\n\r\n');
      const answer = String((await once(socket, 'data'))[0]);
      expect(answer).toMatch(/^HTTP\/1.1 200 /);
      expect(answer.split('\r\n\r\n')[1]).toContain(String(sent));
      socket.destroy();
    }));

  test('When there are as many connections as allowed, then another is closed, and the first still get answers', () =>
    serve(async (port) => {
      const first = connect(port, '127.0.0.1');
      await once(first, 'connect');
      first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(first, 'data');
      const second = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(second, 'close');
      first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      expect(String((await once(first, 'data'))[0])).toMatch(/^HTTP\/1.1 200/);
      first.destroy();
    }, 1));
});

test('When an API is started, then API_MAX_CONNECTIONS bounds its connections', async () => {
  const api = await TestApi.start({ API_MAX_CONNECTIONS: '10' });
  const sockets: Socket[] = [];
  try {
    let closed = 0;
    for (let i = 0; i < 15; i++) {
      sockets.push(
        connect(Number(new URL(api.url).port), '127.0.0.1')
          .on('error', () => undefined)
          .on('close', () => {
            closed += 1;
          }),
      );
    }
    await waitFor('those beyond ten to be closed', async () => closed === 5);
  } finally {
    for (const socket of sockets) {
      socket.destroy();
    }
    await api.stop();
  }
});
