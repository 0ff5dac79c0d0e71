import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger };

/**
 * Creates a logger that writes one JSON object a line, to standard output unless `destination` is given. Log `documentId`,
 * `jobId` and `chunkId` as fields, so that everything about one document can be found by its id.
 */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: [
      'req.headers.authorization',
      'req.headers["x-api-key"]',
      'req.headers["x-document-password"]',
      'req.headers["x-xsrf-token"]',
      'req.headers["proxy-authorization"]',
      'req.headers.cookie',
      // The address of the page that a request comes from may hold what its query holds.
      'req.headers.referer',
      // The token of a session that begins.
      'res.headers["set-cookie"]',
      // An error of ioredis carries the command that failed. Of AUTH that is the password.
      'err.command.args',
    ],
  };
  return destination ? pino(options, destination) : pino(options);
}
