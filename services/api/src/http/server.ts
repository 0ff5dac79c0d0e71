import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { asSentence, type ErrorCode } from '@millrace/contracts';
import { problemOf } from './problems';
import { type BodyPace, bodyPace, watchPace } from './slowBodies';

/** A connection without traffic is closed after this time. An upload may take any time while it keeps its pace: see `bodyPace`. */
const idleMs = 120_000;

/**
 * How long an unused connection is kept for the next request. Proxies and load balancers keep theirs for 60 seconds, as nginx
 * and most others do by default. They must close first: otherwise a request could arrive on a connection that is being closed.
 */
const keepAliveMs = 72_000;

/** The time for the headers of a request. It is longer than keepAliveMs, because Node counts it from the end of the last request. */
const headersMs = keepAliveMs + 3_000;

/**
 * Makes the HTTP server of the application. It also answers with a problem document what Express never sees: headers
 * that are too large, a malformed chunked body, an invalid address.
 */
export function createHttpServer(
  application: RequestListener,
  { maxConnections, pace = bodyPace }: { maxConnections: number; pace?: BodyPace },
): Server {
  const server = createServer((request, response) => {
    if (!URL.canParse(request.url ?? '/', 'http://localhost')) {
      response.writeHead(400, { ...problemHeaders, connection: 'close' });
      response.end(JSON.stringify(problemOf('REQUEST_INVALID', 'The address of the request is not valid.')));
      return;
    }
    watchPace(request, pace, () => {
      if (response.headersSent) {
        request.destroy();
      } else {
        refuse(
          request.socket,
          'REQUEST_TOO_SLOW',
          `Less than ${pace.bytes} bytes came in ${pace.windowMs / 1000} seconds.`,
        );
      }
    });
    application(request, response);
  });
  // More are closed as soon as they come, so that those that are there still get answers.
  server.maxConnections = maxConnections;
  server.requestTimeout = 0;
  server.timeout = idleMs;
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = headersMs;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      refuse(socket, 'HEADERS_TOO_LARGE', 'The request headers are too large.');
    } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      refuse(socket, 'REQUEST_TOO_SLOW', 'The request headers did not come in time.');
    } else {
      refuse(socket, 'REQUEST_INVALID', `The request is not well-formed HTTP: ${asSentence(error.message)}`);
    }
  });
  server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, problemHeaders);
    response.end(
      JSON.stringify({ ...problemOf('REQUEST_INVALID', 'The Expect header asks for something unknown.'), status: 417 }),
    );
  });
  return server;
}

/** The headers of answers that do not pass through the application. */
const problemHeaders = {
  'Content-Type': 'application/problem+json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

function refuse(socket: Duplex, code: ErrorCode, detail: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(code, detail);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      `${Object.entries(problemHeaders)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    // A client that goes on sending would keep the connection.
    () => socket.destroy(),
  );
}

/** Accepts no new connection and waits for the running requests. After `graceMs` it cuts them off. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  clearTimeout(cutOff);
}
