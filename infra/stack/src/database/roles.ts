import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { loadMigrationConfig } from '@millrace/config';
import { makeRoles } from '@millrace/database';
import type { StackContext } from '../context';
import { writeAtomically } from '../files';

/** Kept in the state folder, readable by its owner alone. */
export const rolesFile = 'database-roles.env';

export interface RoleUrls {
  /** The database as the services use it. */
  serviceUrl: string;
  /** The database as searches may use it. */
  readonlyUrl: string;
  /** Where both are kept, with their passwords. */
  file: string;
}

/**
 * Makes the roles of services and searches, or brings them up to date. Their passwords are those of the environment,
 * else those kept in STATE_DIR/database-roles.env, else new ones; the file then holds the URLs.
 */
export async function ensureRoles(context: StackContext, ownerUrl: string): Promise<RoleUrls> {
  const file = join(context.stateDir, rolesFile);
  const given = loadMigrationConfig({ ...context.environment, DATABASE_URL: ownerUrl });
  const kept = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  const service = given.DATABASE_SERVICE_PASSWORD ?? keptPassword(kept.DATABASE_URL, ownerUrl) ?? newPassword();
  const readonly = given.DATABASE_READONLY_PASSWORD ?? keptPassword(kept.DATABASE_READ_URL, ownerUrl) ?? newPassword();
  const names = await makeRoles({ ownerUrl, passwords: { service, readonly } });
  const serviceUrl = urlAs(ownerUrl, names.service, service);
  const readonlyUrl = urlAs(ownerUrl, names.readonly, readonly);
  const lines = [
    '# Made by Millrace ("npm run db -- roles"): the database as services and as searches use it.',
    `DATABASE_URL='${serviceUrl}'`,
    `DATABASE_READ_URL='${readonlyUrl}'`,
  ];
  writeAtomically(file, `${lines.join('\n')}\n`, 0o600);
  return { serviceUrl, readonlyUrl, file };
}

/** Another database's roles have passwords of their own; the server's port may have changed since. */
function keptPassword(kept: string | undefined, ownerUrl: string): string | undefined {
  if (!kept || !URL.canParse(kept)) {
    return undefined;
  }
  const url = new URL(kept);
  return url.pathname === new URL(ownerUrl).pathname && url.password ? decodeURIComponent(url.password) : undefined;
}

function newPassword(): string {
  return randomBytes(24).toString('hex');
}

function urlAs(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(user);
  changed.password = encodeURIComponent(password);
  return changed.href;
}
