import type { IncomingMessage, ServerResponse } from 'node:http';

/** As long as nginx lingers (lingering_time). */
const longestMs = 30_000;

/**
 * Sends the whole answer to a request whose body is still coming, and closes the connection only when the client has
 * stopped sending, or after a while: closing it at once would reset it, and a client that is busy sending, as most are,
 * would see a broken connection instead of the answer.
 */
export function answerBeforeTheEnd(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  limitMs = longestMs,
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
    response.end();
  };
  const timer = setTimeout(close, limitMs);
  request.once('close', close);
  request.once('end', close);
  request.resume();
}
