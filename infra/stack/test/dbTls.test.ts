import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { TestCa, testServers } from '@millrace/test-support';
import { PrivateServers } from '../src';
import { dbCommand } from '../src/commands/db';
import { connectionOf, findClientPrograms, pathOf } from '../src/database/clientPrograms';
import { capture } from '../src/processes/run';
import { rowsOf, serviceUrlOf } from './databases';
import { canRunServices, cleanUp, makeContext, makeFolder } from './helpers';

const describeWithServers = canRunServices ? describe : describe.skip;

afterAll(cleanUp);

describeWithServers('A PostgreSQL whose certificate a CA of its own has signed', () => {
  let servers: PrivateServers;
  let environment: { DATABASE_MIGRATION_URL: string; DATABASE_CA_FILE: string };
  beforeAll(async () => {
    const folder = makeFolder();
    const ca = new TestCa(folder, 'ca');
    const { certificate, key } = ca.issue('server', 'DNS:localhost');
    if (process.getuid?.() === 0) {
      // PostgreSQL wants its key to itself, and runs as this account then.
      execFileSync('chown', ['postgres', key]);
    }
    chmodSync(key, 0o600);
    servers = await PrivateServers.start({
      root: join(__dirname, '../../..'),
      folder: join(folder, 'servers'),
      postgres: { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key },
    });
    const url = new URL(await servers.createDatabase('secured'));
    url.hostname = 'localhost';
    environment = { DATABASE_MIGRATION_URL: url.href, DATABASE_CA_FILE: ca.certificate };
  });
  afterAll(() => servers?.stop());

  test('When it is named as the owner, beside the CA file, then it is set up', async () => {
    const context = makeContext(environment);
    expect(await dbCommand(context, ['setup'])).toBe(0);
    const isEncrypted = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    expect(await rowsOf(serviceUrlOf(context), isEncrypted)).toEqual([{ ssl: true }]);
  });

  test('When its certificate is for another host, then the variable that names it is named', async () => {
    const elsewhere = environment.DATABASE_MIGRATION_URL.replace('localhost', '127.0.0.1');
    const context = makeContext({ ...environment, DATABASE_URL: 'unused', DATABASE_MIGRATION_URL: elsewhere });
    await expect(dbCommand(context, ['status'])).rejects.toThrow(
      /^DATABASE_MIGRATION_URL is set to .*127\.0\.0\.1 is not/s,
    );
  });

  test('When it is backed up and the backup is restored, then both programs verify its certificate', async () => {
    const context = makeContext(environment);
    await dbCommand(context, ['migrate']);
    const file = join(makeFolder(), 'secured.dump');
    expect(await dbCommand(context, ['backup', file])).toBe(0);
    expect(await dbCommand(context, ['restore', file, '--yes'])).toBe(0);
  });

  const withCa = (caFile: string | undefined, host = 'localhost') => {
    const url = new URL(environment.DATABASE_MIGRATION_URL);
    url.hostname = host;
    url.searchParams.set(caFile ? 'sslrootcert' : 'sslmode', caFile ?? 'verify-full');
    return url.href;
  };

  test('When a CA file is given and no mode, then psql verifies the certificate in full', async () => {
    expect(await askSsl(withCa(environment.DATABASE_CA_FILE))).toMatchObject({ code: 0, stdout: 't\n' });
    expect(await askSsl(withCa(environment.DATABASE_CA_FILE, '127.0.0.1'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('does not match host name'),
    });
  });

  test('When no CA file is given, then psql knows the public CAs, none of which has signed it', async () => {
    const { code, stderr } = await askSsl(withCa(undefined));
    expect(code).toBe(2);
    expect(stderr).toMatch(/certificate verify failed|self.signed/);
  });
});

/** Whether the session of a psql is encrypted. */
async function askSsl(url: string) {
  const context = makeContext();
  const { args, env } = connectionOf(context, url);
  const psql = pathOf(await findClientPrograms(context, testServers().databaseUrl), 'psql');
  const statement = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  return capture(psql, [...args, '--tuples-only', '--no-align', `--command=${statement}`], { env });
}

test('When TLS is asked of a server that has none, be it by a mode or a CA file, then psql refuses the server', async () => {
  const ca = new TestCa(makeFolder(), 'ca');
  for (const [name, value] of [
    ['sslmode', 'require'],
    ['ssl', 'true'],
    ['sslrootcert', ca.certificate],
  ] as const) {
    const url = new URL(testServers().databaseUrl);
    url.searchParams.set(name, value);
    expect(await askSsl(url.href)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('server does not support SSL'),
    });
  }
  expect(await askSsl(testServers().databaseUrl)).toMatchObject({ code: 0, stdout: 'f\n' });
});
