import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { ensureRoles, resetServices } from '@millrace/stack';
import { contextFor, dropDatabases, newDatabase, rolesFileOf, rowsOf, serviceUrlOf } from './databases';
import { cleanUp, db, makeContext } from './helpers';

afterAll(async () => {
  await dropDatabases();
  cleanUp();
});

describe('db roles', () => {
  test('When the environment has passwords, then the roles get them', async () => {
    const database = await newDatabase();
    const passwords = {
      DATABASE_SERVICE_PASSWORD: 'service/password@1?x',
      DATABASE_READONLY_PASSWORD: 'readonly-password-1',
    };
    const context = contextFor(database, passwords);
    await db(context, 'roles');
    const url = new URL(database.url);
    url.username = `${url.pathname.slice(1)}_service`;
    url.password = encodeURIComponent(passwords.DATABASE_SERVICE_PASSWORD);
    expect(await rowsOf(url.href, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('When the roles exist and this state folder lacks their passwords, then the roles keep them', async () => {
    const database = await newDatabase();
    const first = contextFor(database);
    await db(first, 'roles');
    const serviceUrl = serviceUrlOf(first);
    const second = contextFor(database);
    await db(second, 'roles');
    expect(await rowsOf(serviceUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readFileSync(rolesFileOf(second), 'utf8')).toContain('_service@');
  });

  test('When a password has quotation marks, then the roles file has the complete URL', async () => {
    const context = contextFor(await newDatabase(), { DATABASE_SERVICE_PASSWORD: `it's-"quoted"-and-'long'` });
    await db(context, 'roles');
    const { DATABASE_URL = '' } = parseEnv(readFileSync(rolesFileOf(context), 'utf8'));
    expect(await rowsOf(DATABASE_URL, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('When two servers have databases of the same name, then each has its own roles file', async () => {
    const database = await newDatabase();
    const otherUrl = new URL(database.url);
    otherUrl.hostname = 'localhost';
    const context = contextFor(database);
    await db(context, 'roles');
    const file = rolesFileOf(context);
    const kept = readFileSync(file, 'utf8');
    const other = { ...context, environment: { ...context.environment, DATABASE_URL: otherUrl.href } };
    await db(other, 'roles');
    expect(rolesFileOf(context)).not.toBe(file);
    expect(serviceUrlOf(context)).toContain('_service@localhost');
    expect(readFileSync(file, 'utf8')).toBe(kept);
  });

  test('When the server belongs to this checkout and the roles file is lost, then the roles get new passwords', async () => {
    const { url } = await newDatabase();
    const own = { databaseUrl: url, isOwnServer: true };
    await ensureRoles(makeContext(), { ...own, isOwnServer: false });
    const { serviceUrl, readonlyUrl } = await ensureRoles(makeContext(), own);
    expect(await rowsOf(serviceUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await rowsOf(readonlyUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(new URL(serviceUrl).password).not.toBe(new URL(readonlyUrl).password);
    expect((await ensureRoles(makeContext(), own)).serviceUrl).toBe(serviceUrl);
  });

  test('When the servers of this checkout are reset, then the passwords for other servers are kept', async () => {
    const context = makeContext();
    const [own, other] = ['own.env', 'db.example.com_5432_millrace.env'].map((name) =>
      join(context.stateDir, 'database-roles', name),
    ) as [string, string];
    mkdirSync(dirname(own));
    writeFileSync(own, '');
    writeFileSync(other, 'kept');
    await resetServices(context);
    expect(existsSync(own)).toBe(false);
    expect(readFileSync(other, 'utf8')).toBe('kept');
  });
});
