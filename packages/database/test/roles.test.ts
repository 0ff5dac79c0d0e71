import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createTestDatabase, plainModel, type TestDatabase, unitVector } from '@millrace/test-support';
import { newDocument, newDocumentChunk } from '@millrace/test-support/lifecycle';
import { Client } from 'pg';
import { Database, makeRoles, migrate, type RoleNames } from '../src';

const passwords = { service: 'service-password-1', readonly: 'readonly-password-1' };
const insufficientPrivilege = '42501';

function urlAs(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.toString();
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Runs each statement. @returns the SQLSTATE of its refusal, or undefined when it was not refused. */
function refusals(url: string, statements: readonly string[]): Promise<Record<string, string | undefined>> {
  return withClient(url, async (client) => {
    const outcomes: Record<string, string | undefined> = {};
    for (const statement of statements) {
      outcomes[statement] = await client.query(statement).then(
        () => undefined,
        (error) => error.code,
      );
    }
    return outcomes;
  });
}

const allRefused = (statements: readonly string[]) =>
  Object.fromEntries(statements.map((statement) => [statement, insufficientPrivilege]));

function up(ownerUrl: string, count?: number) {
  return migrate({
    databaseUrl: ownerUrl,
    direction: 'up',
    embedding: plainModel('test-model'),
    ...(count === undefined ? {} : { count }),
  });
}

describe('Roles', () => {
  let testDatabase: TestDatabase;
  /** The owner of one database, as on managed PostgreSQL. A superuser would never be refused. */
  let ownerUrl: string;
  let names: RoleNames;
  let serviceUrl: string;
  let readonlyUrl: string;

  beforeEach(async () => {
    testDatabase = await createTestDatabase({ empty: true });
    const database = new URL(testDatabase.url).pathname.slice(1);
    const owner = `${database}_owner`;
    await withClient(testDatabase.url, async (client) => {
      await client.query(`CREATE ROLE "${owner}" LOGIN CREATEROLE PASSWORD 'owner-password'`);
      // An administrator must create an extension that is not trusted.
      await client.query('CREATE EXTENSION vector');
      await client.query(`ALTER DATABASE "${database}" OWNER TO "${owner}"`);
    });
    ownerUrl = urlAs(testDatabase.url, owner, 'owner-password');
    names = { service: `${database}_service`, readonly: `${database}_readonly` };
    serviceUrl = urlAs(testDatabase.url, names.service, passwords.service);
    readonlyUrl = urlAs(testDatabase.url, names.readonly, passwords.readonly);
  });
  afterEach(() => testDatabase.drop());

  test('When the service role is made, then it may change rows and no table', async () => {
    await up(ownerUrl);
    expect(await makeRoles({ databaseUrl: ownerUrl, passwords })).toEqual({ names, made: ['service', 'readonly'] });
    const forbidden = [
      'CREATE TABLE mine (id integer)',
      'CREATE SCHEMA mine',
      'CREATE INDEX mine ON documents (title)',
      'CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
      'DROP TABLE provider_pauses',
      'DROP INDEX documents_content_hash',
      'ALTER TABLE documents ADD COLUMN mine integer',
      'ALTER TABLE documents DISABLE TRIGGER ALL',
      'TRUNCATE document_chunks',
      `INSERT INTO pgmigrations (name, run_on) VALUES ('9999_mine', now())`,
      `UPDATE embedding_settings SET model = 'mine'`,
      'DELETE FROM embedding_settings',
      'UPDATE vector_signatures SET mean = NULL',
      `INSERT INTO re_embeddings (id, model, dimensions) VALUES (gen_random_uuid(), 'mine', 1)`,
      'UPDATE re_embeddings SET closing_until = now()',
      'CREATE ROLE mine',
      'CREATE DATABASE mine',
      `SET ROLE "${names.service.replace(/_service$/, '_owner')}"`,
      `SET SESSION AUTHORIZATION "${names.readonly}"`,
      `COPY documents TO PROGRAM 'cat'`,
      'SELECT pg_read_file($$postgresql.conf$$)',
    ];
    expect(await refusals(serviceUrl, forbidden)).toEqual(allRefused(forbidden));
    const allowed = [
      'SELECT name FROM pgmigrations',
      'SELECT model FROM embedding_settings',
      `INSERT INTO provider_pauses (model, paused_until, error_code, error) VALUES ('m', now(), 'A', 'b')`,
      'UPDATE provider_pauses SET pauses = 2',
      'SELECT FROM documents FOR UPDATE',
      'DELETE FROM provider_pauses',
      'CREATE TEMPORARY TABLE scratch (id integer)',
    ];
    expect(Object.values(await refusals(serviceUrl, allowed))).toEqual(allowed.map(() => undefined));
  });

  test('When the read-only role is made, then it may read every table without secrets, and every way to write is refused', async () => {
    await up(ownerUrl);
    await makeRoles({ databaseUrl: ownerUrl, passwords });
    const tables = await withClient(ownerUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
      );
      return rows.map((row) => row.name);
    });
    const secret = ['api_keys', 'refresh_tokens', 'sessions', 'sign_ins', 'signing_keys', 'user_identities', 'users'];
    const reads = tables.map((table) => `SELECT * FROM ${table}`);
    const denied = '42501';
    expect(Object.values(await refusals(readonlyUrl, reads))).toEqual(
      tables.map((table) => (secret.includes(table) ? denied : undefined)),
    );

    const readOnlyTransaction = '25006';
    const byDefault = await refusals(readonlyUrl, ['DELETE FROM documents']);
    expect(Object.values(byDefault)).toEqual([readOnlyTransaction]);
    const writes = [
      ...tables.flatMap((table) => [
        `DELETE FROM ${table}`,
        `INSERT INTO ${table} DEFAULT VALUES`,
        `TRUNCATE ${table}`,
      ]),
      `UPDATE documents SET filename = 'mine'`,
      'SELECT FROM documents FOR UPDATE',
      'CREATE TEMPORARY TABLE mine (id integer)',
      'CREATE TABLE mine (id integer)',
      'DROP TABLE documents',
      'ALTER TABLE documents ADD COLUMN mine integer',
    ];
    const outcomes = await refusals(readonlyUrl, ['SET default_transaction_read_only = off', ...writes]);
    expect(outcomes).toEqual({ ...allRefused(writes), 'SET default_transaction_read_only = off': undefined });
  });

  test('When the service role stores a chunk, then the read-only role finds it and may store none', async () => {
    await up(ownerUrl);
    await makeRoles({ databaseUrl: ownerUrl, passwords });
    const open = (url: string) => new Database({ url, poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
    const [service, readonly] = [open(serviceUrl), open(readonlyUrl)];
    const documentId = '00000000-0000-7000-9000-000000000001';
    const chunk = newDocumentChunk({ id: documentId, documentId, chunkIndex: 0 });
    try {
      await service.documents.insertIfNew(newDocument({ id: documentId, filename: 'a.pdf' }));
      await service.transaction((session) => session.documentChunks.upsertAll([chunk]));
      const hits = await readonly.transaction((session) =>
        session.documentChunks.search(unitVector(1), { embeddingModel: 'test-model' }, { limit: 5 }),
      );
      expect(hits).toMatchObject([{ chunkId: documentId, filename: 'a.pdf' }]);
      await expect(readonly.transaction((session) => session.documentChunks.upsertAll([chunk]))).rejects.toThrow(
        /read-only transaction/,
      );
    } finally {
      await Promise.all([service.close(), readonly.close()]);
    }
  });

  test('When a later migration makes a table, then both roles have their privileges on it', async () => {
    await makeRoles({ databaseUrl: ownerUrl, passwords });
    await up(ownerUrl, 3);
    await up(ownerUrl);
    expect(await refusals(serviceUrl, ['DELETE FROM retry_groups', 'DELETE FROM pgmigrations'])).toEqual({
      'DELETE FROM retry_groups': undefined,
      'DELETE FROM pgmigrations': insufficientPrivilege,
    });
    await withClient(ownerUrl, (client) => client.query('CREATE TABLE later (id integer)'));
    expect(await refusals(serviceUrl, ['INSERT INTO later VALUES (1)'])).toEqual({
      'INSERT INTO later VALUES (1)': undefined,
    });
    expect(await refusals(readonlyUrl, ['SELECT * FROM later', 'SELECT * FROM retry_groups'])).toEqual({
      'SELECT * FROM later': undefined,
      'SELECT * FROM retry_groups': undefined,
    });
  });

  test('When the roles are made again, then given passwords replace the old ones, and the others stay', async () => {
    await up(ownerUrl);
    await Promise.all([
      makeRoles({ databaseUrl: ownerUrl, passwords }),
      makeRoles({ databaseUrl: ownerUrl, passwords }),
    ]);
    const firstPasswords = { service: 'not-taken-any-more', readonly: 'not-taken-any-more' };
    const again = await makeRoles({
      databaseUrl: ownerUrl,
      passwords: { service: 'another-password-1' },
      firstPasswords,
    });
    expect(again.made).toEqual([]);
    await expect(withClient(serviceUrl, async () => undefined)).rejects.toMatchObject({ code: '28P01' });
    const changed = urlAs(testDatabase.url, names.service, 'another-password-1');
    await expect(withClient(changed, async () => 'in')).resolves.toBe('in');
    await expect(withClient(readonlyUrl, async () => 'in')).resolves.toBe('in');
  });

  test('When an administrator has made the roles, then an owner without CREATEROLE sets their privileges', async () => {
    await up(ownerUrl);
    await withClient(testDatabase.url, async (client) => {
      await client.query(`CREATE ROLE "${names.service}" LOGIN PASSWORD '${passwords.service}'`);
      await client.query(`CREATE ROLE "${names.readonly}" LOGIN PASSWORD '${passwords.readonly}'`);
      await client.query(`ALTER ROLE "${new URL(ownerUrl).username}" NOCREATEROLE`);
    });
    await makeRoles({ databaseUrl: ownerUrl, passwords: {}, firstPasswords: passwords });
    const writes = ['DELETE FROM documents', 'TRUNCATE documents'];
    expect(Object.values(await refusals(serviceUrl, writes))).toEqual([undefined, insufficientPrivilege]);
    expect(Object.values(await refusals(readonlyUrl, ['TABLE documents', ...writes]))).toEqual([
      undefined,
      insufficientPrivilege,
      insufficientPrivilege,
    ]);
  });

  test('When the name of the database leaves no room for a role, then the error says so', async () => {
    const long = `millrace_test_${Date.now()}_${'x'.repeat(30)}`;
    await withClient(testDatabase.url, (client) => client.query(`CREATE DATABASE "${long}"`));
    try {
      const url = new URL(testDatabase.url);
      url.pathname = `/${long}`;
      await expect(makeRoles({ databaseUrl: url.href, passwords })).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringContaining('too long'),
      });
    } finally {
      await withClient(testDatabase.url, (client) => client.query(`DROP DATABASE "${long}"`));
    }
  });

  test('When the owner may not create roles, then the error says what to do and nothing is made', async () => {
    await withClient(testDatabase.url, (client) =>
      client.query(`ALTER ROLE "${new URL(ownerUrl).username}" NOCREATEROLE`),
    );
    await expect(makeRoles({ databaseUrl: ownerUrl, passwords })).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringMatching(/CREATEROLE in DATABASE_MIGRATION_URL/),
    });
  });

  test('When a role of that name has more privileges, then it is not changed and the error says so', async () => {
    await withClient(testDatabase.url, (client) => client.query(`CREATE ROLE "${names.service}" CREATEDB`));
    await expect(makeRoles({ databaseUrl: ownerUrl, passwords })).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining(names.service),
    });
    await expect(withClient(readonlyUrl, async () => undefined)).rejects.toMatchObject({ code: '28P01' });
  });

  test('When roles are made, then no statement to the server contains a password', async () => {
    await up(ownerUrl);
    const sent: Buffer[] = [];
    const server = new URL(ownerUrl);
    const relay = createServer((client) => {
      const upstream = connect(Number(server.port), server.hostname);
      client.on('data', (data) => sent.push(data));
      client.pipe(upstream).pipe(client);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    try {
      const { port } = relay.address() as AddressInfo;
      const relayed = new URL(ownerUrl);
      relayed.host = `127.0.0.1:${port}`;
      await makeRoles({ databaseUrl: relayed.toString(), passwords });
    } finally {
      relay.close();
    }
    const text = Buffer.concat(sent).toString('latin1');
    expect(text.match(/PASSWORD 'SCRAM-SHA-256\$4096:/g)).toHaveLength(2);
    for (const password of Object.values(passwords)) {
      expect(text).not.toContain(password);
    }
    await expect(withClient(serviceUrl, async () => 'in')).resolves.toBe('in');
  });
});
