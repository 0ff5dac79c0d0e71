import { MillraceError } from '@millrace/contracts';
import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';
import { schemaLock } from './migrations';
import { grantAccess, type RoleNames, roleNames } from './privileges';
import { scramVerifier } from './scramVerifier';

/** The database as its owner, who runs the migrations and may create roles, and the passwords of the roles. */
export interface RoleOptions extends DatabaseAddress {
  /** A role whose password is left out keeps the one it has. */
  passwords: RolePasswords;
  /** For a role that is made now and whose password is left out; without either it cannot log in with any. */
  firstPasswords?: RolePasswords;
}

export type RolePasswords = { [Role in keyof RoleNames]?: string | undefined };

export interface RolesMade {
  names: RoleNames;
  /** Those that were not there before. */
  made: (keyof RoleNames)[];
}

/**
 * Makes the two roles beside the owner, or brings them up to date: services get one that reads and writes rows and
 * changes no table, searches one that only reads. Tables of later migrations are covered. Can be run at any time and
 * again; two runs at once are safe.
 * @throws MillraceError SETUP_INVALID when the owner may not create roles, or a role of that name may do more.
 */
export function makeRoles(options: RoleOptions): Promise<RolesMade> {
  return withClient(options, { application_name: 'millrace-roles' }, async (client) => {
    // Whatever is thrown ends the connection, and with it the transaction.
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
    const names = await roleNames(client);
    if (Buffer.byteLength(names.readonly) > longestName) {
      throw new MillraceError(
        'SETUP_INVALID',
        `The name ${names.readonly} is too long for a role: rename the database.`,
      );
    }
    const made: RolesMade['made'] = [];
    for (const role of ['service', 'readonly'] as const) {
      const isNew = await makeRole(client, names[role], options.passwords[role], options.firstPasswords?.[role]);
      made.push(...(isNew ? [role] : []));
    }
    if (made.includes('readonly')) {
      // What it may do is decided by its privileges; this only makes a mistake fail early, and with a clear message.
      await client.query(`ALTER ROLE ${escapeIdentifier(names.readonly)} SET default_transaction_read_only = on`);
    }
    await grantAccess(client, names);
    await client.query('COMMIT');
    return { names, made };
  });
}

/** @returns whether the role was not there before. */
async function makeRole(
  client: Client,
  name: string,
  password: string | undefined,
  firstPassword: string | undefined,
): Promise<boolean> {
  const { rows } = await client.query<{ powerful: boolean }>(
    `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
              OR EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS powerful
     FROM pg_roles r WHERE rolname = $1`,
    [name],
  );
  const [known] = rows;
  if (known?.powerful) {
    throw new MillraceError(
      'SETUP_INVALID',
      `The role ${name} is there already and may do more than it should: it has attributes such as SUPERUSER or ` +
        'CREATEROLE, or is a member of another role. Take these away or drop it, then run the command again.',
    );
  }
  const secret = known ? password : (password ?? firstPassword);
  if (!known || secret !== undefined) {
    await setRole(client, known ? 'ALTER' : 'CREATE', name, secret);
  }
  return !known;
}

async function setRole(client: Client, verb: 'CREATE' | 'ALTER', name: string, password: string | undefined) {
  const secret = password === undefined ? '' : ` PASSWORD ${escapeLiteral(scramVerifier(password))}`;
  try {
    await client.query(`${verb} ROLE ${escapeIdentifier(name)} LOGIN${secret}`);
  } catch (error) {
    if (error instanceof DatabaseError && error.code === insufficientPrivilege) {
      throw new MillraceError(
        'SETUP_INVALID',
        `This user may not ${verb.toLowerCase()} the role ${name}: ${error.message}. Use one with CREATEROLE in ` +
          `DATABASE_MIGRATION_URL, or have an administrator make the role (CREATE ROLE ${name} LOGIN PASSWORD '...') ` +
          'and run this without its password: then only its privileges are set.',
        { cause: error },
      );
    }
    throw error;
  }
}

/** PostgreSQL cuts longer names without an error. */
const longestName = 63;
const insufficientPrivilege = '42501';
