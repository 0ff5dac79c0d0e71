import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, migrate } from '@millrace/database';
import { plainModel, TestCa, testServers } from '@millrace/test-support';
import { type Backing, missingPrograms, startBacking } from '../chaos/src/backing';

const missing = missingPrograms();
if (missing) {
  console.warn(`The tests of PostgreSQL with TLS are skipped: ${missing}`);
}
const describeWithServers = missing ? describe.skip : describe;

/** Connects and returns whether the session is encrypted. */
async function isEncrypted(url: string, caFile?: string): Promise<boolean> {
  const database = new Database({ url, caFile, poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'tls' });
  try {
    return (await database.sql.one<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).ssl;
  } finally {
    await database.close();
  }
}

describeWithServers('A PostgreSQL with a certificate for localhost', () => {
  let folder: string;
  let backing: Backing;
  let ca: TestCa;
  let otherCa: TestCa;
  let plainUrl: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
    chmodSync(folder, 0o755);
    ca = new TestCa(folder, 'ca');
    otherCa = new TestCa(folder, 'other');
    const { certificate, key } = ca.issue('server', 'DNS:localhost');
    if (process.getuid?.() === 0) {
      // PostgreSQL runs as this account and refuses a key that others can read.
      execFileSync('chown', ['postgres', key]);
    }
    chmodSync(key, 0o600);
    backing = await startBacking({ postgres: { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key } });
    plainUrl = await backing.servers.createDatabase('secured');
  });
  afterAll(async () => {
    await backing?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function urlWith(mode: string, { host = 'localhost', caFile }: { host?: string; caFile?: string } = {}): string {
    const url = new URL(plainUrl);
    url.hostname = host;
    url.searchParams.set('sslmode', mode);
    if (caFile) {
      url.searchParams.set('sslrootcert', caFile);
    }
    return url.toString();
  }

  test('When TLS is required or verified with the right CA, then the session is encrypted', async () => {
    expect(await isEncrypted(urlWith('require'))).toBe(true);
    expect(await isEncrypted(urlWith('verify-ca', { caFile: ca.certificate, host: '127.0.0.1' }))).toBe(true);
    expect(await isEncrypted(urlWith('verify-full', { caFile: ca.certificate }))).toBe(true);
    expect(await isEncrypted(urlWith('verify-full'), ca.certificate)).toBe(true);
  });

  test('When TLS is off or not mentioned, then the session is not encrypted', async () => {
    expect(await isEncrypted(plainUrl)).toBe(false);
    expect(await isEncrypted(urlWith('disable'))).toBe(false);
  });

  const refused = (reason: RegExp) => ({
    code: 'DATABASE_TLS_FAILED',
    retryable: false,
    message: expect.stringMatching(reason),
  });

  test('When another CA has signed the certificate, then the server is refused', async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      const url = urlWith(mode, { caFile: otherCa.certificate });
      await expect(isEncrypted(url)).rejects.toMatchObject(refused(/unable to verify|self-signed|issuer/));
    }
    // The public CAs that Node.js knows have not signed it.
    await expect(isEncrypted(urlWith('verify-full'))).rejects.toMatchObject(
      refused(/unable to verify|self-signed|issuer/),
    );
  });

  test('When the certificate is for another host, then verify-full refuses the server', async () => {
    const url = urlWith('verify-full', { caFile: ca.certificate, host: '127.0.0.1' });
    await expect(isEncrypted(url)).rejects.toMatchObject(refused(/127\.0\.0\.1 is not in the cert's list/));
  });

  test('When migrations run, then the certificate is verified too', async () => {
    const options = { direction: 'up', embedding: plainModel('test') } as const;
    const databaseUrl = urlWith('verify-full');
    await expect(migrate({ databaseUrl, caFile: otherCa.certificate, ...options })).rejects.toMatchObject(
      refused(/unable to verify|self-signed|issuer/),
    );
    expect(await migrate({ databaseUrl, caFile: ca.certificate, ...options })).not.toEqual([]);
  });
});

test('When TLS is required and the server has none, then the server is refused', async () => {
  const url = new URL(testServers().databaseUrl);
  url.searchParams.set('sslmode', 'require');
  await expect(isEncrypted(url.toString())).rejects.toMatchObject({
    code: 'DATABASE_TLS_FAILED',
    message: expect.stringContaining('does not support SSL'),
  });
});
