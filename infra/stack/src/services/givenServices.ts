import { type StackContext, StackError } from '../context';
import { probePostgres } from '../postgres/probe';
import { messageOf } from '../processes/wait';
import { pingRedis } from '../redis/probe';
import type { ServiceName } from './serviceState';

const timeoutMs = 10_000;

/** The URL the user gave for a service, with the CA file in it if one is given; an empty one counts as not given. */
export function givenUrl(context: StackContext, service: ServiceName): string | undefined {
  const url = context.environment[givenVariables[service]] || undefined;
  return url && service === 'postgres' ? withCaFile(url, context.environment.DATABASE_CA_FILE) : url;
}

/** The variable that names the user's server. */
export const givenVariables = { postgres: 'DATABASE_URL', redis: 'REDIS_URL' } as const;

/** A database URL that names its CA file: what it names already, else `caFile`, if there is one. */
export function withCaFile(url: string, caFile: string | undefined): string {
  if (!caFile || !URL.canParse(url)) {
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
  const without = variable === 'DATABASE_MIGRATION_URL' ? 'to have DATABASE_URL used' : 'to have one started here';
  return new StackError(
    `${variable} is set to ${withoutPassword(url)}, but ${reason}\n` +
      `Start that server, correct ${variable} (environment or .env file), or remove it ${without}.`,
  );
}

/**
 * Checks that the server behind a given URL answers and can do what is needed.
 * @param variable where the URL comes from
 * @throws StackError naming the variable and what is wrong
 */
export async function checkGiven(
  service: ServiceName,
  url: string,
  variable: string = givenVariables[service],
): Promise<void> {
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
