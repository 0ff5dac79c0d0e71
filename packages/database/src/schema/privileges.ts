import { type Client, escapeIdentifier } from 'pg';

export interface RoleNames {
  /** May read and write rows but change no table. For the API and the workers. */
  service: string;
  /** May only read rows. For searches. */
  readonly: string;
}

/** Only the owner writes these: the migrations that have run, the current model, its signatures and the re-embeddings. */
const ownersTables = ['pgmigrations', 'embedding_settings', 'vector_signatures', 're_embeddings'];

/** Tables with secrets. The role that can only read does not see them. */
const secretTables = ['users', 'api_keys', 'sessions', 'sign_ins', 'refresh_tokens', 'signing_keys', 'user_identities'];

/** Returns the names of the roles of this database. Roles belong to the whole server, so each is named after its database. */
export async function roleNames(client: Client): Promise<RoleNames> {
  const database = await databaseName(client);
  return { service: `${database}_service`, readonly: `${database}_readonly` };
}

async function databaseName(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  return rows[0]?.name ?? '';
}

/**
 * Grants both roles what they need on this database and on all present and future tables of the owner. Revokes what PUBLIC
 * has. The owner must run it.
 */
export async function grantAccess(client: Client, names: RoleNames): Promise<void> {
  const database = escapeIdentifier(await databaseName(client));
  const service = escapeIdentifier(names.service);
  const readonly = escapeIdentifier(names.readonly);
  const tables = await ownTables(client);
  const closed = tables.filter((table) => ownersTables.includes(table)).map(escapeIdentifier);
  const secret = tables.filter((table) => secretTables.includes(table)).map(escapeIdentifier);
  const all = tables.map(escapeIdentifier);
  const statements = [
    `REVOKE CREATE, TEMPORARY ON DATABASE ${database} FROM PUBLIC`,
    // Bulk inserts go through a temporary table.
    `GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO ${service}`,
    `GRANT CONNECT ON DATABASE ${database} TO ${readonly}`,
    'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
    `GRANT USAGE ON SCHEMA public TO ${service}, ${readonly}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${service}`,
    `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${readonly}`,
    ...(all.length > 0
      ? [
          `GRANT SELECT, INSERT, UPDATE, DELETE ON ${all.join(', ')} TO ${service}`,
          `GRANT SELECT ON ${all.join(', ')} TO ${readonly}`,
        ]
      : []),
    ...(closed.length > 0 ? [`REVOKE INSERT, UPDATE, DELETE ON ${closed.join(', ')} FROM ${service}`] : []),
    ...(secret.length > 0 ? [`REVOKE SELECT ON ${secret.join(', ')} FROM ${readonly}`] : []),
  ];
  for (const statement of statements) {
    await client.query(statement);
  }
}

/** Grants access if `makeRoles` has made the roles. It runs after each migration, for the new tables. */
export async function grantToKnownRoles(client: Client): Promise<void> {
  const names = await roleNames(client);
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = ANY($1)', [Object.values(names)]);
  if (rowCount === Object.keys(names).length) {
    await grantAccess(client, names);
  }
}

/** Returns the tables in the schema public that the current user owns. Views of extensions belong to others. */
async function ownTables(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND pg_has_role(relowner, 'USAGE')
     ORDER BY relname`,
  );
  return rows.map((row) => row.name);
}
