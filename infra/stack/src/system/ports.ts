import { createServer } from 'node:net';
import { StackError } from './context';

/** True when this process can listen on the port. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Chooses a free port: the preferred one if it is free, otherwise a random one below 32000. Systems give higher ports
 * to outgoing connections, so a lower one is likely to be free at the next start too. Another program can still take
 * the port first, so the caller must be ready to ask again.
 * @throws StackError when no free port is found
 */
export async function choosePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isPortFree(preferred))) {
    return preferred;
  }
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (await isPortFree(port)) {
      return port;
    }
  }
  throw new StackError('No free port was found on the loopback address between 15000 and 32000.');
}
