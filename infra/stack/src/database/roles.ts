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
 * Makes the roles of services and searches, or brings them up to date. Passwords of the environment are set. Without
 * one, a role keeps the password it has; one that is made now gets the one kept in STATE_DIR/database-roles.env, or a new
 * one. That file then holds the URLs, without the passwords that are not known here.
 */
export async function ensureRoles(context: StackContext, ownerUrl: string): Promise<RoleUrls> {
  const file = join(context.stateDir, rolesFile);
  const given = loadMigrationConfig({ ...context.environment, DATABASE_URL: ownerUrl });
  const passwords = { service: given.DATABASE_SERVICE_PASSWORD, readonly: given.DATABASE_READONLY_PASSWORD };
  const urls = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  const kept = {
    service: keptPassword(urls.DATABASE_URL, ownerUrl),
    readonly: keptPassword(urls.DATABASE_READ_URL, ownerUrl),
  };
  const firstPasswords = { service: kept.service ?? newPassword(), readonly: kept.readonly ?? newPassword() };
  const { names, made } = await makeRoles({
    databaseUrl: ownerUrl,
    caFile: given.DATABASE_CA_FILE,
    passwords,
    firstPasswords,
  });
  const urlOf = (role: keyof typeof names) =>
    urlAs(ownerUrl, names[role], passwords[role] ?? (made.includes(role) ? firstPasswords[role] : kept[role]));
  const serviceUrl = urlOf('service');
  const readonlyUrl = urlOf('readonly');
  const lines = [
    '# Made by Millrace ("npm run db -- roles"): the database as services and as searches use it.',
    `DATABASE_URL='${serviceUrl}'`,
    `DATABASE_READ_URL='${readonlyUrl}'`,
  ];
  writeAtomically(file, `${lines.join('\n')}\n`, 0o600);
  return { serviceUrl, readonlyUrl, file };
}

/** Of this database, whose server may have another port by now. */
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

function urlAs(url: string, user: string, password: string | undefined): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(user);
  changed.password = encodeURIComponent(password ?? '');
  return changed.href;
}
