import { z } from 'zod';
import { apiKey, day, group, longestTimer, oneOf, postgresUrl, redisUrl, text, wholeNumber } from './types';

export const database = group({
  title: 'PostgreSQL',
  variables: {
    DATABASE_URL: postgresUrl().meta({
      description:
        'The database. Its server must have the pgvector extension. Without it, the npm commands start a server of their own (Docker, or locally installed programs). sslmode in the address chooses TLS, as in libpq: disable (the default), require, verify-ca or verify-full. DATABASE_CONNECTION_STRING is another name of this variable.',
      example: 'postgresql://user:password@127.0.0.1:5432/millrace',
    }),
    DATABASE_CA_FILE: text()
      .optional()
      .describe("A PEM file with the certificate authority that signed the server's certificate."),
    DATABASE_MIGRATION_URL: postgresUrl().optional().meta({
      description:
        'The same database for its owner, who runs the migrations and the db commands. The services then use DATABASE_URL with a role that cannot change tables (docs/database/roles.md). DATABASE_URL if not set.',
      example: 'postgresql://owner:password@127.0.0.1:5432/millrace',
    }),
    DATABASE_SERVICE_PASSWORD: apiKey()
      .optional()
      .describe(
        'The password of the role that `npm run db -- roles` makes for the services: 16 characters or more. Without it, a password is made and kept in STATE_DIR/database-roles/.',
      ),
    DATABASE_READONLY_PASSWORD: apiKey().optional().describe('The same for the role that can only read.'),
    DATABASE_READ_URL: postgresUrl()
      .optional()
      .describe(
        'The server for searches: a streaming replica, or the same database with a read-only role. DATABASE_URL answers while this server is unreachable or too far behind.',
      ),
    DATABASE_READ_MAX_LAG_MS: wholeNumber(500, day)
      .default(5_000)
      .describe('How far the server of DATABASE_READ_URL may be behind.'),
    DATABASE_POOL_MAX: wholeNumber(1, 500).default(10).describe('The most connections of each process.'),
    DATABASE_POOL_MIN: wholeNumber(0, 500).default(0).describe('How many idle connections each process keeps open.'),
    DATABASE_CONNECT_TIMEOUT_MS: wholeNumber(100, 600_000)
      .default(10_000)
      .describe('The longest wait for a new connection, and for a free one.'),
    DATABASE_IDLE_TIMEOUT_MS: wholeNumber(0, day)
      .default(10_000)
      .describe('The time after which an idle connection is closed. 0 is never.'),
    DATABASE_MAX_LIFETIME_MS: wholeNumber(0, longestTimer)
      .default(3_600_000)
      .describe('The time after which a connection is replaced, at most 24 days. 0 is never.'),
    DATABASE_STATEMENT_TIMEOUT_MS: wholeNumber(100, day)
      .default(120_000)
      .describe('The time after which the server ends a statement.'),
    DATABASE_MAX_OUTAGE_MS: wholeNumber(0, 600_000)
      .default(10_000)
      .describe(
        'How long requests and workers wait for an unreachable server. A restart of the server is then a delay and not an error.',
      ),
  },
});

export const redis = group({
  title: 'Redis',
  variables: {
    REDIS_URL: redisUrl().meta({
      description:
        'The server of the queues; rediss:// for TLS. It must run with maxmemory-policy noeviction. Without it, the npm commands start a server of their own.',
      example: 'redis://:password@127.0.0.1:6379/0',
    }),
    QUEUE_PREFIX: z
      .string()
      .regex(/^\{[A-Za-z0-9_-]+\}$/, 'must be one hash tag, such as {millrace}')
      .default('{millrace}')
      .describe(
        'The beginning of the keys of all queues: one hash tag in braces, so that Redis Cluster keeps a queue on one node. Each installation that shares a Redis needs its own.',
      ),
  },
});

export const files = group({
  title: 'Files',
  variables: {
    STATE_DIR: z
      .string()
      .default('.millrace')
      .describe(
        'The folder of generated state: the API key, logs, and the data of servers that the npm commands start.',
      ),
    BLOB_DIR: z
      .string()
      .default('.millrace/blobs')
      .describe('The folder of the originals. The API, the chunkers and the reconcilers must see the same one.'),
  },
});

export const api = group({
  title: 'API',
  variables: {
    API_HOST: z.string().default('127.0.0.1').describe('The address on which the API listens.'),
    API_PORT: wholeNumber(0, 65_535)
      .default(3000)
      .describe(
        'Its port; 0 takes any free one. Without API_PORT, `npm start` and `npm run demo` take another port when 3000 is in use.',
      ),
    MILLRACE_API_KEY: apiKey()
      .optional()
      .describe(
        'The key that clients send: 16 characters or more. Without it, a key is made and kept in STATE_DIR/api-key.',
      ),
    UPLOAD_MAX_BYTES: wholeNumber(1, Number.MAX_SAFE_INTEGER)
      .default(536_870_912)
      .describe('The largest file that is accepted (512 MiB).'),
  },
});

export const health = group({
  title: 'Health and metrics of workers',
  variables: {
    HEALTH_HOST: z
      .string()
      .default('127.0.0.1')
      .describe('The address on which each chunker, embedder and reconciler answers /healthz, /readyz and /metrics.'),
    HEALTH_PORT: wholeNumber(0, 65_535)
      .default(0)
      .describe(
        'Its port; 0 takes any free one. The npm commands always use 0, because there several workers share one machine.',
      ),
  },
});

export const running = group({
  title: 'Running',
  variables: {
    SHUTDOWN_TIMEOUT_MS: wholeNumber(100, 600_000)
      .default(20_000)
      .describe('How long a service that is told to stop may take to finish its work.'),
    LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe(
        'trace, debug, info, warn, error, fatal or silent. trace also logs every SQL statement, without its values.',
      ),
  },
});
