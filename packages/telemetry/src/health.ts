import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Checks of what a service needs, by name. A check that fails rejects with the reason. One that passes resolves with its warnings. */
export type Checks = Record<string, () => Promise<readonly string[]>>;

export interface Readiness {
  ready: boolean;
  /** "ok" or the reason, by the check's name. */
  checks: Record<string, string>;
  /** What works and should be changed all the same. */
  warnings: string[];
}

const checkTimeoutMs = 3_000;

/** Runs all checks at once. A check that does not answer within three seconds has failed. */
export async function runChecks(checks: Checks): Promise<Readiness> {
  const warnings: string[] = [];
  const entries = await Promise.all(
    Object.entries(checks).map(async ([name, check]): Promise<[string, string]> => {
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`There was no answer within ${checkTimeoutMs} ms.`)), checkTimeoutMs);
      });
      try {
        warnings.push(...(await Promise.race([check(), deadline])));
        return [name, 'ok'];
      } catch (error) {
        return [name, error instanceof Error ? error.message : String(error)];
      } finally {
        clearTimeout(timer);
      }
    }),
  );
  return { ready: entries.every(([, state]) => state === 'ok'), checks: Object.fromEntries(entries), warnings };
}

export interface HealthServer {
  /** http://host:port */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts the HTTP server of a service that has no other: /healthz (the process runs), /readyz (503 with the reasons when a
 * check fails) and /metrics (Prometheus). With port 0 it takes any free port.
 */
export async function startHealthServer(options: {
  host: string;
  port: number;
  checks: Checks;
  registry: Registry;
}): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(request.url ?? '/', options).then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      (error: Error) => response.writeHead(500, { 'content-type': 'text/plain' }).end(error.message),
    );
  });
  await listen(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Makes the server listen. @throws the system's error when it cannot: a port is in use, for example */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(url: string, options: { checks: Checks; registry: Registry }) {
  const json = 'application/json; charset=utf-8';
  switch (new URL(url, 'http://localhost').pathname) {
    case '/healthz':
      return { status: 200, type: json, body: JSON.stringify({ status: 'ok' }) };
    case '/readyz': {
      const readiness = await runChecks(options.checks);
      return { status: readiness.ready ? 200 : 503, type: json, body: JSON.stringify(readiness) };
    }
    case '/metrics':
      return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
    default:
      return { status: 404, type: 'text/plain', body: 'not found' };
  }
}
