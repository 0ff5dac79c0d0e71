import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { Client } from 'pg';
import { migrationNames } from '../src';

const program = join(__dirname, '../dist/migrate.js');
const servicePassword = 'service-password-1';

describe('The migration program', () => {
  let testDatabase: TestDatabase;
  beforeAll(async () => {
    testDatabase = await createTestDatabase({ empty: true });
  });
  afterAll(() => testDatabase.drop());

  function run(args: string[], more: Record<string, string> = {}) {
    const env = { PATH: process.env.PATH, DATABASE_URL: testDatabase.url, ...more };
    return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
    });
  }

  test('When it migrates and makes the roles, as in a container, then a service can log in, and no password is printed', async () => {
    expect((await run(['up'])).stdout).toBe(`Migrated up: ${migrationNames().join(', ')}\n`);
    const roles = await run(['roles'], { DATABASE_SERVICE_PASSWORD: servicePassword });
    expect(roles).toMatchObject({ code: 0, stderr: '' });
    expect(roles.stdout).toMatch(/_service for services.*\n.*_readonly was made without a password/);
    expect(roles.stdout).not.toContain(servicePassword);
    const url = new URL(testDatabase.url);
    url.username = `${url.pathname.slice(1)}_service`;
    url.password = servicePassword;
    const client = new Client({ connectionString: url.href });
    await client.connect();
    await expect(client.query('SELECT name FROM collections')).resolves.toMatchObject({ rowCount: 1 });
    await client.end();
  });

  test('When DATABASE_MIGRATION_URL is set beside DATABASE_URL, then the program uses the owner', async () => {
    const wrong = 'postgresql://nobody@127.0.0.1:1/nothing';
    const { code } = await run(['up'], { DATABASE_URL: wrong, DATABASE_MIGRATION_URL: testDatabase.url });
    expect(code).toBe(0);
  });

  test.each([[[]], [['sideways']], [['up', '2']], [['down', '0']]])(
    'When the arguments are %j, then it prints its usage and does nothing',
    async (args) => {
      expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining('usage:') });
    },
  );

  test('When the server does not answer, then it prints the reason and fails', async () => {
    const { code, stderr } = await run(['up'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nothing' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/The command failed.*ECONNREFUSED/);
  });
});
