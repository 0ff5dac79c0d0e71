import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { TestCa } from '@millrace/test-support';
import { PrivateServers } from '../src';
import { dbCommand } from '../src/commands/db';
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
});
