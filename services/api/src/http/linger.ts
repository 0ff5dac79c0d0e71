import type { IncomingMessage, ServerResponse } from 'node:http';

/** As nginx does by default (lingering_time, lingering_timeout): in all, and without a byte. */
const longestMs = 30_000;
const idleMs = 5_000;

/**
 * Sends the whole answer to a request whose body is still coming, and closes the connection only when the client has
 * stopped sending or paused, or after a while: closing it at once would reset it, and a client that is busy sending, as most are,
 * would see a broken connection instead of the answer.
 */
export function answerBeforeTheEnd(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  limits = { longestMs, idleMs },
): void {
  response.setHeader('Connection', 'close');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  if (request.destroyed) {
    response.end(body);
    return;
  }
  response.write(body);
  const close = () => {
    clearTimeout(timer);
    clearTimeout(idle);
    response.end();
  };
  const timer = setTimeout(close, limits.longestMs);
  const idle = setTimeout(close, limits.idleMs);
  request.on('data', () => idle.refresh());
  request.once('close', close);
  request.once('end', close);
}
