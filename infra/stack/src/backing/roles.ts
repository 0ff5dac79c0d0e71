import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { loadMigrationConfig } from '@millrace/config';
import { makeRoles, type RoleNames } from '@millrace/database';
import { addressOf } from '../postgres/address';
import type { StackContext } from '../system/context';
import { writeAtomically } from '../system/files';

const folder = 'database-roles';

/** The file in the state folder for the roles on the server that this checkout starts. Its port can change. */
export const ownRolesFile = join(folder, 'own.env');

/** The database as its owner. */
export interface OwnedDatabase {
  /** Names the CA file, if the user configured one. */
  databaseUrl: string;
  /** True for the server that this checkout started. Its passwords are in STATE_DIR/secrets.json. */
  isOwnServer: boolean;
}

export interface RoleUrls {
  /** The database as the services use it. */
  serviceUrl: string;
  /** The database as searches may use it. */
  readonlyUrl: string;
  /** The file that holds both URLs with their passwords. */
  file: string;
}

type Role = keyof RoleNames;

/**
 * Makes the roles of services and searches, or updates them, and writes their URLs to the file of this server and
 * database.
 *
 * A password of the environment is always set. On our own server the other passwords are set too. On another server a
 * role without a password in the environment keeps its password, and a new role gets the password in the file, or a
 * random one. The file has no password for a role whose password is not known here.
 */
export async function ensureRoles(context: StackContext, owned: OwnedDatabase): Promise<RoleUrls> {
  const ownerUrl = owned.databaseUrl;
  const file = join(context.stateDir, owned.isOwnServer ? ownRolesFile : rolesFileFor(ownerUrl));
  const config = loadMigrationConfig({ ...context.environment, DATABASE_URL: ownerUrl });
  const ownPassword = (role: Role) => (owned.isOwnServer ? derivePassword(ownerUrl, role) : undefined);
  const passwords = {
    service: config.DATABASE_SERVICE_PASSWORD ?? ownPassword('service'),
    readonly: config.DATABASE_READONLY_PASSWORD ?? ownPassword('readonly'),
  };
  const urls = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  const known = { service: passwordIn(urls.DATABASE_URL), readonly: passwordIn(urls.DATABASE_READ_URL) };
  const firstPasswords = { service: known.service ?? newPassword(), readonly: known.readonly ?? newPassword() };
  const { names, made } = await makeRoles({ databaseUrl: ownerUrl, passwords, firstPasswords });
  const urlOf = (role: Role) =>
    urlAs(ownerUrl, names[role], passwords[role] ?? (made.includes(role) ? firstPasswords[role] : known[role]));
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

/** Each server and database has a separate file. So no file mixes or overwrites passwords of two databases. */
function rolesFileFor(ownerUrl: string): string {
  const { host, port, name } = addressOf(ownerUrl);
  return join(folder, `${[host, port, name].map(encodeURIComponent).join('_')}.env`);
}

/** Derives a password from the owner's password. The result is the same at each start, so it need not be stored. */
function derivePassword(ownerUrl: string, role: Role): string {
  return createHmac('sha256', new URL(ownerUrl).password).update(role).digest('hex');
}

function passwordIn(url: string | undefined): string | undefined {
  const password = url && URL.canParse(url) ? new URL(url).password : '';
  return password === '' ? undefined : decodeURIComponent(password);
}

function newPassword(): string {
  return randomBytes(24).toString('hex');
}

function urlAs(url: string, user: string, password: string | undefined): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(user);
  changed.password = encodeURIComponent(password ?? '');
  // The file has the URL in single quotes, and a URL may contain them.
  return changed.href.replaceAll("'", '%27');
}
