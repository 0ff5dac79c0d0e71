import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { verifyPassword } from '@millrace/accounts';
import { Database, firstAdminId } from '@millrace/database';
import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { cleanUp, millrace, program } from './helpers';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = new Database({ url: testDatabase.url, poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'test' });
});
afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
  cleanUp();
});

const environment = () => ({ DATABASE_URL: testDatabase.url, EMBEDDING_CONTEXT: 'none' });
const isPassword = async (password: string) =>
  verifyPassword(await database.users.findPasswordHash(firstAdminId), password);

/** Runs `users reset-password --stdin` with this input. @returns the exit code and what was printed */
async function resetWith(input: string): Promise<[number | null, string]> {
  const child = spawn(process.execPath, [program, 'users', 'reset-password', 'admin@localhost', '--stdin'], {
    env: { PATH: process.env.PATH, ...environment() },
    cwd: __dirname,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      printed += data;
    });
  }
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return [code, printed];
}

describe('millrace users reset-password', () => {
  test('prints a new password that works, and ends the sign-ins of the user', async () => {
    const signIn = { id: firstAdminId, userId: firstAdminId, tokenHash: 'a'.repeat(64), lifetimeMs: 60_000 };
    await database.signIns.insert(signIn);
    const { code, output } = await millrace(['users', 'reset-password', 'Admin@localhost'], {
      environment: environment(),
    });
    expect(code).toBe(0);
    expect(await isPassword(/: (\S+)\n/.exec(output)?.[1] ?? '')).toBe(true);
    expect(await database.signIns.findHolder(firstAdminId, firstAdminId)).toBeNull();
    const [action] = await database.actions.list({ userId: firstAdminId }, { after: null, limit: 1 });
    expect(action).toMatchObject({ kind: 'password_changed', actor: expect.stringMatching(/^cli:/) });
  });

  test('reads a password from standard input, and never prints it', async () => {
    const [code, printed] = await resetWith('correct horse battery\n');
    expect([code, await isPassword('correct horse battery')]).toEqual([0, true]);
    expect(printed).not.toContain('correct horse battery');
    const [refused, why] = await resetWith('short\n');
    expect([refused, why]).toEqual([1, expect.stringContaining('at least 12 characters')]);
    expect(await isPassword('correct horse battery')).toBe(true);
  });

  test('names a user that does not exist', async () => {
    const { code, errors } = await millrace(['users', 'reset-password', 'ada@example.org'], {
      environment: environment(),
    });
    expect([code, errors]).toEqual([1, expect.stringContaining('no user with the e-mail address ada@example.org')]);
  });
});
