import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { capture, PrivateServers } from '@millrace/stack';
import { TestCa, testServers } from '@millrace/test-support';
import { connectionOf, findClientPrograms, pathOf } from '../src/database/clientPrograms';
import { rowsOf, serviceUrlOf } from './databases';
import { canRunServers, cleanUp, db, makeContext, makeFolder } from './helpers';

const describeWithServers = canRunServers ? describe : describe.skip;

afterAll(cleanUp);

describeWithServers('A PostgreSQL whose certificate is signed by a private CA', () => {
  let servers: PrivateServers;
  let environment: { DATABASE_MIGRATION_URL: string; DATABASE_CA_FILE: string };
  beforeAll(async () => {
    const folder = makeFolder();
    const ca = new TestCa(folder, 'ca');
    const { certificate, key } = ca.issue('server', 'DNS:localhost');
    if (process.getuid?.() === 0) {
      // PostgreSQL runs as this account then, and demands that no other account can read its key.
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

  test('When the owner and the CA file are configured, then the set-up works', async () => {
    const context = makeContext(environment);
    expect(await db(context, 'setup')).toBe(0);
    const isEncrypted = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    expect(await rowsOf(serviceUrlOf(context), isEncrypted)).toEqual([{ ssl: true }]);
  });

  test('When its certificate is for another host, then the error names the variable of the URL', async () => {
    const elsewhere = environment.DATABASE_MIGRATION_URL.replace('localhost', '127.0.0.1');
    const context = makeContext({ ...environment, DATABASE_URL: 'unused', DATABASE_MIGRATION_URL: elsewhere });
    await expect(db(context, 'status')).rejects.toThrow(/^DATABASE_MIGRATION_URL is set to .*127\.0\.0\.1 is not/s);
  });

  test('When it is backed up and restored, then both programs verify its certificate', async () => {
    const context = makeContext(environment);
    await db(context, 'migrate');
    const file = join(makeFolder(), 'secured.dump');
    expect(await db(context, 'backup', file)).toBe(0);
    expect(await db(context, 'restore', file, '--yes')).toBe(0);
  });

  const withCa = (caFile: string | undefined, host = 'localhost') => {
    const url = new URL(environment.DATABASE_MIGRATION_URL);
    url.hostname = host;
    url.searchParams.set(caFile ? 'sslrootcert' : 'sslmode', caFile ?? 'verify-full');
    return url.href;
  };

  test('When a CA file is configured and no mode, then psql verifies certificate and host', async () => {
    expect(await askSsl(withCa(environment.DATABASE_CA_FILE))).toMatchObject({ code: 0, stdout: 't\n' });
    expect(await askSsl(withCa(environment.DATABASE_CA_FILE, '127.0.0.1'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('does not match host name'),
    });
  });

  test('When no CA file is configured, then psql knows only the public CAs and refuses the certificate', async () => {
    const { code, stderr } = await askSsl(withCa(undefined));
    expect(code).toBe(2);
    expect(stderr).toMatch(/certificate verify failed|self.signed/);
  });
});

/** Asks psql whether its session is encrypted. */
async function askSsl(url: string) {
  const context = makeContext();
  const { args, env } = connectionOf(context, url);
  const psql = pathOf(await findClientPrograms(context, testServers().databaseUrl), 'psql');
  const statement = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
  return capture(psql, [...args, '--tuples-only', '--no-align', `--command=${statement}`], { env });
}

test('When a mode or a CA file asks for TLS and the server has none, then psql refuses the server', async () => {
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
