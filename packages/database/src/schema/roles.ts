import { MillraceError } from '@millrace/contracts';
import { type Client, DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';
import { schemaLock } from './migrations';
import { grantAccess, type RoleNames, roleNames } from './privileges';
import { scramVerifier } from './scramVerifier';

/** The address must be the owner's, who runs the migrations and may create roles. */
export interface RoleOptions extends DatabaseAddress {
  /** A role without a password here keeps the one it has. */
  passwords: RolePasswords;
  /** The passwords of new roles that have none in `passwords`. Without either a role cannot log in with a password. */
  firstPasswords?: RolePasswords;
}

export type RolePasswords = { [Role in keyof RoleNames]?: string | undefined };

export interface RolesMade {
  names: RoleNames;
  /** The roles that are new. */
  made: (keyof RoleNames)[];
}

/**
 * Makes or updates the role of services, which reads and writes rows, and the role of searches, which only reads. Later
 * tables are covered too. It can be repeated, and two runs at once are safe.
 * @throws MillraceError SETUP_INVALID when the owner may not create roles, or a role of that name has more privileges.
 */
export function makeRoles(options: RoleOptions): Promise<RolesMade> {
  return withClient(options, { application_name: 'millrace-roles' }, async (client) => {
    // An error closes the connection, which rolls the transaction back.
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
    const names = await roleNames(client);
    if (Buffer.byteLength(names.readonly) > longestName) {
      throw new MillraceError('SETUP_INVALID', `The role name ${names.readonly} is too long. Rename the database.`);
    }
    const made: RolesMade['made'] = [];
    for (const role of ['service', 'readonly'] as const) {
      const isNew = await makeRole(client, names[role], options.passwords[role], options.firstPasswords?.[role]);
      made.push(...(isNew ? [role] : []));
    }
    if (made.includes('readonly')) {
      // Its privileges already forbid writes. This only makes a mistake fail early and with a clear message.
      await client.query(`ALTER ROLE ${escapeIdentifier(names.readonly)} SET default_transaction_read_only = on`);
    }
    await grantAccess(client, names);
    await client.query('COMMIT');
    return { names, made };
  });
}

/** @returns whether the role is new. */
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
      `The role ${name} exists and may do more than it should: it has attributes such as SUPERUSER or CREATEROLE, or is a ` +
        'member of another role. Remove these or drop the role, then run the command again.',
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
          `DATABASE_MIGRATION_URL. Or have an administrator make the role (CREATE ROLE ${name} LOGIN PASSWORD '...'), ` +
          'and run this without its password, so that only its privileges are set.',
        { cause: error },
      );
    }
    throw error;
  }
}

/** PostgreSQL truncates longer names without an error. */
const longestName = 63;
const insufficientPrivilege = '42501';
