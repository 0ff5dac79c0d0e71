import pino, { type Logger } from 'pino';

export type { Logger };

/**
 * A structured logger (one JSON object a line on standard output). Pass `documentId`, `jobId` and `chunkId` as fields,
 * so that everything about one document can be found by its id.
 */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ['req.headers.authorization', 'req.headers["x-api-key"]', 'req.headers.cookie'],
  });
}
