import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { loadMigrationConfig } from '@millrace/config';
import { makeRoles, type RoleNames } from '@millrace/database';
import type { StackContext } from '../context';
import { writeAtomically } from '../files';
import { placeOf } from './place';

const folder = 'database-roles';

/** In the state folder: the roles of the server that this checkout starts, whose port may change with each start. */
export const ownRolesFile = join(folder, 'own.env');

/** The database as its owner. */
export interface OwnedDatabase {
  /** Names the CA file, where there is one. */
  databaseUrl: string;
  /** It is on the server that this checkout has started, whose passwords are kept in STATE_DIR/secrets.json. */
  isOwnServer: boolean;
}

export interface RoleUrls {
  /** The database as the services use it. */
  serviceUrl: string;
  /** The database as searches may use it. */
  readonlyUrl: string;
  /** Where both are kept, with their passwords. */
  file: string;
}

/**
 * Makes the roles of services and searches, or brings them up to date. Passwords of the environment are set. On a server
 * of our own others are set too; elsewhere, without one, a role keeps the password it has, and one that is made now gets the
 * one that is kept for this server and database, or a new one. The file of this server and database then holds the URLs,
 * without the passwords that are not known here.
 */
export async function ensureRoles(context: StackContext, owned: OwnedDatabase): Promise<RoleUrls> {
  const ownerUrl = owned.databaseUrl;
  const file = join(context.stateDir, owned.isOwnServer ? ownRolesFile : givenRolesFile(ownerUrl));
  const given = loadMigrationConfig({ ...context.environment, DATABASE_URL: ownerUrl });
  const always = (role: Role) => (owned.isOwnServer ? ownPassword(ownerUrl, role) : undefined);
  const passwords = {
    service: given.DATABASE_SERVICE_PASSWORD ?? always('service'),
    readonly: given.DATABASE_READONLY_PASSWORD ?? always('readonly'),
  };
  const urls = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  const kept = { service: keptPassword(urls.DATABASE_URL), readonly: keptPassword(urls.DATABASE_READ_URL) };
  const firstPasswords = { service: kept.service ?? newPassword(), readonly: kept.readonly ?? newPassword() };
  const { names, made } = await makeRoles({
    databaseUrl: ownerUrl,
    passwords,
    firstPasswords,
  });
  const urlOf = (role: Role) =>
    urlAs(ownerUrl, names[role], passwords[role] ?? (made.includes(role) ? firstPasswords[role] : kept[role]));
  const serviceUrl = urlOf('service');
  const readonlyUrl = urlOf('readonly');
  const lines = [
    '# Made by Millrace ("npm run db -- roles"): the database as services and as searches use it.',
    `DATABASE_URL='${serviceUrl}'`,
    `DATABASE_READ_URL='${readonlyUrl}'`,
  ];
  mkdirSync(dirname(file), { recursive: true });
  writeAtomically(file, `${lines.join('\n')}\n`, 0o600);
  return { serviceUrl, readonlyUrl, file };
}

type Role = keyof RoleNames;

/** One for each server and database, so that none gets passwords of another or takes the place of the only copy. */
function givenRolesFile(ownerUrl: string): string {
  const { host, port, name } = placeOf(ownerUrl);
  return join(folder, `${[host, port, name].map(encodeURIComponent).join('_')}.env`);
}

/** Follows from the owner's, so that it is the same at each start and there is nothing more to keep. */
function ownPassword(ownerUrl: string, role: Role): string {
  return createHmac('sha256', new URL(ownerUrl).password).update(role).digest('hex');
}

function keptPassword(kept: string | undefined): string | undefined {
  const password = kept && URL.canParse(kept) ? new URL(kept).password : '';
  return password === '' ? undefined : decodeURIComponent(password);
}

function newPassword(): string {
  return randomBytes(24).toString('hex');
}

function urlAs(url: string, user: string, password: string | undefined): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(user);
  changed.password = encodeURIComponent(password ?? '');
  // It stands in quotation marks in the file, and a URL may have them as they are.
  return changed.href.replaceAll("'", '%27');
}
