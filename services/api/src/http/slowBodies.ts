import type { IncomingMessage } from 'node:http';
import { hasBody } from './hasBody';

/** A body must bring this much in each window. A slow line brings more; a client that only wants to hold the connection does not. */
export interface BodyPace {
  windowMs: number;
  bytes: number;
}

export const bodyPace: BodyPace = { windowMs: 60_000, bytes: 16 * 1024 };

/**
 * Calls `refuse` when the body of the request comes too slowly. While the server itself has not read what has come, the client
 * has nothing to answer for. It listens to no data, so it changes nothing for the reader of the body.
 */
export function watchPace(request: IncomingMessage, { windowMs, bytes }: BodyPace, refuse: () => void): void {
  if (!hasBody(request)) {
    return;
  }
  const { socket } = request;
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    if (request.complete || request.destroyed) {
      clearInterval(timer);
      return;
    }
    const isSlow = socket.bytesRead - before < bytes && request.readableLength === 0;
    before = socket.bytesRead;
    if (isSlow) {
      clearInterval(timer);
      refuse();
    }
  }, windowMs);
  timer.unref();
  request.once('close', () => clearInterval(timer));
  request.once('end', () => clearInterval(timer));
}
