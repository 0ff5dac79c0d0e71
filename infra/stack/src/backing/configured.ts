import { isOlder, oldestVector } from '@millrace/database';
import { probePostgres } from '../postgres/probe';
import { pingRedis } from '../redis/probe';
import type { ServiceName } from '../servers/instance';
import { messageOf, type StackContext, StackError } from '../system/context';

const timeoutMs = 10_000;

/** The variables that name a server of the user. */
export const urlVariables = { postgres: 'DATABASE_URL', redis: 'REDIS_URL' } as const;

/** Returns the URL that the user configured for a service, with the CA file in it. An empty one counts as none. */
export function configuredUrl(context: StackContext, service: ServiceName): string | undefined {
  const url = context.environment[urlVariables[service]] || undefined;
  return url && service === 'postgres' ? withCaFile(url, context.environment.DATABASE_CA_FILE) : url;
}

/**
 * Returns the database as its owner, and the variable that names it: DATABASE_MIGRATION_URL, else DATABASE_URL.
 * Returns undefined when neither is set.
 */
export function configuredOwner(context: StackContext): { url: string; variable: string } | undefined {
  const { DATABASE_MIGRATION_URL: ownerUrl, DATABASE_CA_FILE } = context.environment;
  if (ownerUrl) {
    return { url: withCaFile(ownerUrl, DATABASE_CA_FILE), variable: 'DATABASE_MIGRATION_URL' };
  }
  const url = configuredUrl(context, 'postgres');
  return url === undefined ? undefined : { url, variable: urlVariables.postgres };
}

/** Adds the CA file to a database URL that names none. */
function withCaFile(url: string, caFile: string | undefined): string {
  if (!caFile || !URL.canParse(url)) {
    return url;
  }
  const parsed = new URL(url);
  if (!parsed.searchParams.has('sslrootcert')) {
    parsed.searchParams.set('sslrootcert', caFile);
  }
  return parsed.toString();
}

/** Hides the password of a URL, for messages. */
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

/**
 * Checks that a configured server answers and has what Millrace needs.
 * @param variable the variable that names the URL
 * @throws StackError that names the variable and says what is wrong
 */
export async function checkServer(
  service: ServiceName,
  url: string,
  variable: string = urlVariables[service],
): Promise<void> {
  const fault = URL.canParse(url) ? await findFault(service, url) : 'that is not a URL.';
  if (fault !== undefined) {
    const otherwise = variable === 'DATABASE_MIGRATION_URL' ? 'DATABASE_URL is used' : 'a private server is started';
    throw new StackError(
      `${variable} is set to ${withoutPassword(url)}, but ${fault}\n` +
        `Start that server, or correct ${variable} in the environment or the .env file. Without it ${otherwise}.`,
    );
  }
}

async function findFault(service: ServiceName, url: string): Promise<string | undefined> {
  try {
    if (service === 'redis') {
      await pingRedis(url, timeoutMs);
      return undefined;
    }
    const { major, vectorVersion } = await probePostgres(url, timeoutMs);
    if (vectorVersion === undefined) {
      return `that PostgreSQL ${major} does not have the pgvector extension.`;
    }
    return isOlder(vectorVersion, oldestVector)
      ? `its pgvector is version ${vectorVersion}, and Millrace needs ${oldestVector} or newer.`
      : undefined;
  } catch (error) {
    return `${service === 'redis' ? 'Redis' : 'PostgreSQL'} does not answer there: ${messageOf(error)}.`;
  }
}
