import { chunkStrategySchema, ocrMode } from '@millrace/contracts';
import { z } from 'zod';
import { resolveEmbedding, resolveOpenai } from './embedding';

const mebibyte = 1024 * 1024;
const day = 86_400_000;
/** Of what a timer waits for, in whole days: beyond 2^31 - 1 ms Node.js fires at once. */
const longestTimer = 24 * day;

/** A whole number from text; refuses the empty string, fractions and anything beyond the bounds. */
function wholeNumber(min: number, max: number) {
  return z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().int().min(min).max(max));
}

/** A decimal number from text, such as 2.5. */
function decimal(min: number, max: number) {
  return z
    .string()
    .regex(/^\d+(\.\d+)?$/, 'must be a number such as 2.5')
    .transform(Number)
    .pipe(z.number().min(min).max(max));
}

/** A key travels in an HTTP header, where a space would end it. */
export const keyPattern = /^[\x21-\x7e]{16,}$/;

/** Languages by their codes in Tesseract, each once. */
const languages = z
  .string()
  .regex(/^[a-z]{3}(_[a-z]+)*(\+[a-z]{3}(_[a-z]+)*)*$/, "must be Tesseract's codes joined by +, such as eng+deu")
  .transform((codes) => [...new Set(codes.split('+'))]);
const rolePassword = z.string().regex(keyPattern, 'must be at least 16 printable characters without spaces').optional();

const optionalText = z.string().trim().min(1).optional();

const embeddingProvider = z.enum(['static', 'openai']);
const embeddingDimensions = wholeNumber(1, 2_000);

/**
 * Every variable Millrace reads, with its default. `.env.example` explains each one; keep the two together.
 * Times are milliseconds, sizes are bytes.
 */
const variables = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_CA_FILE: optionalText,
  DATABASE_READ_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_READ_MAX_LAG_MS: wholeNumber(500, day).default(5_000),
  DATABASE_POOL_MIN: wholeNumber(0, 500).default(0),
  DATABASE_MIGRATION_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_SERVICE_PASSWORD: rolePassword,
  DATABASE_READONLY_PASSWORD: rolePassword,
  DATABASE_POOL_MAX: wholeNumber(1, 500).default(10),
  DATABASE_CONNECT_TIMEOUT_MS: wholeNumber(100, 600_000).default(10_000),
  DATABASE_IDLE_TIMEOUT_MS: wholeNumber(0, day).default(10_000),
  DATABASE_MAX_LIFETIME_MS: wholeNumber(0, longestTimer).default(3_600_000),
  DATABASE_STATEMENT_TIMEOUT_MS: wholeNumber(100, day).default(120_000),
  DATABASE_MAX_OUTAGE_MS: wholeNumber(0, 600_000).default(10_000),

  REDIS_URL: z.url({ protocol: /^rediss?$/ }),
  QUEUE_PREFIX: z
    .string()
    .regex(
      /^\{[A-Za-z0-9_-]+\}$/,
      'must be one hash tag such as {millrace}, so that Redis Cluster keeps a queue on one node',
    )
    .default('{millrace}'),

  STATE_DIR: z.string().min(1).default('.millrace'),
  BLOB_DIR: z.string().min(1).default('.millrace/blobs'),

  API_HOST: z.string().min(1).default('127.0.0.1'),
  API_PORT: wholeNumber(0, 65_535).default(3000),
  MILLRACE_API_KEY: z.string().regex(keyPattern, 'must be at least 16 printable characters without spaces').optional(),
  UPLOAD_MAX_BYTES: wholeNumber(1, Number.MAX_SAFE_INTEGER).default(512 * mebibyte),

  HEALTH_HOST: z.string().min(1).default('127.0.0.1'),
  HEALTH_PORT: wholeNumber(0, 65_535).default(0),

  READER_PROCESSES: wholeNumber(1, 64).default(2),
  DOCUMENT_MAX_PAGES: wholeNumber(1, 1_000_000).default(10_000),
  DOCUMENT_TIMEOUT_MS: wholeNumber(1_000, 86_400_000).default(1_800_000),
  DOCUMENT_OPEN_TIMEOUT_MS: wholeNumber(1_000, 3_600_000).default(120_000),
  PAGE_TIMEOUT_MS: wholeNumber(10, 3_600_000).default(30_000),
  READER_MAX_MEMORY_BYTES: wholeNumber(128 * mebibyte, 64 * 1024 * mebibyte).default(1024 * mebibyte),
  DOCUMENT_MAX_LOST_PAGES: wholeNumber(0, 1_000).default(10),
  PDF_REPAIR_TIMEOUT_MS: wholeNumber(1_000, 3_600_000).default(30_000),
  PDF_REPAIR_MAX_MEMORY_BYTES: wholeNumber(128 * mebibyte, 64 * 1024 * mebibyte).default(768 * mebibyte),
  PDF_REPAIR_MAX_BYTES: wholeNumber(0, 1024 * mebibyte).default(64 * mebibyte),
  DOCUMENT_MAX_CHARACTERS: wholeNumber(1_000, 1_000_000_000).default(100_000_000),
  OCR_MODE: ocrMode.default('auto'),
  OCR_LANGUAGES: languages.default(['eng']),
  OCR_MAX_PAGES: wholeNumber(0, 100_000).default(200),
  OCR_PAGE_TIMEOUT_MS: wholeNumber(100, 3_600_000).default(60_000),
  CHUNK_STRATEGY: chunkStrategySchema.default('structure'),
  CHUNK_MAX_TOKENS: wholeNumber(16, 8_000).default(400),
  CHUNK_OVERLAP_TOKENS: wholeNumber(0, 4_000).default(50),

  SEARCH_EFFORT: decimal(0.1, 10).default(1),

  EMBEDDING_PROVIDER: embeddingProvider.default('static'),
  EMBEDDING_MODEL: optionalText,
  EMBEDDING_DIMENSIONS: embeddingDimensions.default(768),
  EMBEDDING_BATCH_SIZE: wholeNumber(1, 2_048).default(64),
  EMBEDDING_BATCH_WAIT_MS: wholeNumber(0, 10_000).default(10),
  EMBEDDING_CONCURRENCY: wholeNumber(1, 64).default(2),
  EMBEDDING_TIMEOUT_MS: wholeNumber(100, 600_000).default(60_000),
  EMBEDDING_MAX_OUTAGE_MS: wholeNumber(0, 30 * day).default(day),
  STATIC_EMBEDDING_FILE: optionalText,
  OPENAI_API_KEY: optionalText,
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  NEXT_EMBEDDING_PROVIDER: embeddingProvider.optional(),
  NEXT_EMBEDDING_MODEL: optionalText,
  NEXT_EMBEDDING_DIMENSIONS: embeddingDimensions.optional(),
  NEXT_OPENAI_API_KEY: optionalText,
  NEXT_OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),

  CHUNK_MAX_RETRIES: wholeNumber(1, 100).default(3),
  JOB_MAX_RETRIES: wholeNumber(0, 100).default(3),
  RETRY_BACKOFF_MS: wholeNumber(0, 3_600_000).default(2_000),
  LEASE_MS: wholeNumber(1_000, 3_600_000).default(30_000),

  RECONCILE_INTERVAL_MS: wholeNumber(100, 3_600_000).default(5_000),
  RECONCILE_GRACE_MS: wholeNumber(0, 3_600_000).default(10_000),
  ORPHAN_AGE_MS: wholeNumber(1_000, 30 * day).default(3_600_000),
  PAYLOAD_RETENTION_MS: wholeNumber(0, 3_650 * day).default(30 * day),

  SHUTDOWN_TIMEOUT_MS: wholeNumber(100, 600_000).default(20_000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

const environmentSchema = variables
  .superRefine((env, context) => {
    if (env.DATABASE_POOL_MIN > env.DATABASE_POOL_MAX) {
      context.addIssue({
        code: 'custom',
        path: ['DATABASE_POOL_MIN'],
        message: 'must be at most DATABASE_POOL_MAX',
      });
    }
    if (env.CHUNK_OVERLAP_TOKENS * 2 > env.CHUNK_MAX_TOKENS) {
      context.addIssue({
        code: 'custom',
        path: ['CHUNK_OVERLAP_TOKENS'],
        message: 'must be at most half of CHUNK_MAX_TOKENS',
      });
    }
  })
  .transform((env, context) => resolveOpenai(resolveEmbedding(env, context), context));

export type Config = Readonly<z.infer<typeof environmentSchema>>;

const migrationSchema = variables
  .pick({
    DATABASE_URL: true,
    DATABASE_CA_FILE: true,
    DATABASE_MIGRATION_URL: true,
    DATABASE_SERVICE_PASSWORD: true,
    DATABASE_READONLY_PASSWORD: true,
    EMBEDDING_PROVIDER: true,
    EMBEDDING_MODEL: true,
    EMBEDDING_DIMENSIONS: true,
    NEXT_EMBEDDING_PROVIDER: true,
    NEXT_EMBEDDING_MODEL: true,
    NEXT_EMBEDDING_DIMENSIONS: true,
  })
  .transform((env, context) => ({
    ...resolveEmbedding(env, context),
    DATABASE_MIGRATION_URL: env.DATABASE_MIGRATION_URL ?? env.DATABASE_URL,
  }));

/** What changes the schema and the roles: the owner's database, and the model and dimensions its vectors will have. */
export type MigrationConfig = Readonly<z.infer<typeof migrationSchema>>;

/** The environment does not make a usable configuration; the message names each variable and what is wrong. */
export class ConfigError extends Error {
  constructor(issues: { path: PropertyKey[]; message: string }[]) {
    const lines = issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    super(`The configuration is not usable:\n${lines.join('\n')}\nSee .env.example for every variable.`);
    this.name = 'ConfigError';
  }
}

type Environment = Record<string, string | undefined>;

function parse<T>(schema: z.ZodType<T>, environment: Environment): T {
  // An empty variable counts as unset, as in the `NAME=` lines of an .env file.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues);
  }
  return parsed.data;
}

/**
 * Parses the environment once.
 * @throws ConfigError naming every variable that is missing or wrong.
 */
export function loadConfig(environment: Environment): Config {
  return parse(environmentSchema, environment);
}

/**
 * Parses what the migration program needs and nothing else.
 * @throws ConfigError naming every variable that is missing or wrong.
 */
export function loadMigrationConfig(environment: Environment): MigrationConfig {
  return parse(migrationSchema, environment);
}
