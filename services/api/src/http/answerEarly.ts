import type { IncomingMessage, ServerResponse } from 'node:http';

/** The defaults of nginx (lingering_time and lingering_timeout): in all, and without a byte. */
const longestMs = 30_000;
const idleMs = 5_000;

/**
 * Sends the whole answer to a request whose body is still coming. It closes the connection once the client has stopped
 * sending, has paused, or after a while. To close it at once would reset it, and a client that is still sending, as most
 * are, would see a broken connection instead of the answer.
 */
export function answerEarly(
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
