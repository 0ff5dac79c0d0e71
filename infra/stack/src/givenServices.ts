import { type StackContext, StackError } from './context';
import { probePostgres } from './postgresProbe';
import { pingRedis } from './redisProbe';
import type { ServiceName } from './serviceState';
import { messageOf } from './wait';

const timeoutMs = 10_000;

/** The URL the user gave for a service, with the CA file in it if one is given; an empty one counts as not given. */
export function givenUrl(context: StackContext, service: ServiceName): string | undefined {
  const { DATABASE_URL, DATABASE_CA_FILE, REDIS_URL } = context.environment;
  const url = service === 'postgres' ? DATABASE_URL : REDIS_URL;
  return url && service === 'postgres' && DATABASE_CA_FILE ? withCaFile(url, DATABASE_CA_FILE) : url || undefined;
}

function withCaFile(url: string, caFile: string): string {
  if (!URL.canParse(url)) {
    return url;
  }
  const parsed = new URL(url);
  if (!parsed.searchParams.has('sslrootcert')) {
    parsed.searchParams.set('sslrootcert', caFile);
  }
  return parsed.toString();
}

/** The URL without its password, for messages. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) {
    return '(not a URL)';
  }
  const parsed = new URL(url);
  if (parsed.password) {
    parsed.password = '***';
  }
  return parsed.href;
}

function refuse(variable: string, url: string, reason: string): StackError {
  return new StackError(
    `${variable} is set to ${withoutPassword(url)}, but ${reason}\n` +
      `Start that server, correct ${variable} (environment or .env file), or remove it to have one started here.`,
  );
}

/**
 * Checks that the server behind a given URL answers and can do what is needed.
 * @throws StackError naming the variable and what is wrong
 */
export async function checkGiven(service: ServiceName, url: string): Promise<void> {
  const variable = service === 'postgres' ? 'DATABASE_URL' : 'REDIS_URL';
  if (!URL.canParse(url)) {
    throw refuse(variable, url, 'that is no URL.');
  }
  try {
    if (service === 'redis') {
      await pingRedis(url, timeoutMs);
      return;
    }
  } catch (error) {
    throw refuse(variable, url, `Redis does not answer there: ${messageOf(error)}`);
  }
  const answer = await probePostgres(url, timeoutMs).catch((error: unknown) => {
    throw refuse(variable, url, `PostgreSQL does not answer there: ${messageOf(error)}`);
  });
  if (answer.vectorVersion === undefined) {
    throw refuse(variable, url, `that PostgreSQL ${answer.major} does not have the extension pgvector installed.`);
  }
  if (/^0\.[0-7]\./.test(answer.vectorVersion)) {
    throw refuse(variable, url, `its pgvector is version ${answer.vectorVersion}; Millrace needs 0.8 or newer.`);
  }
}
