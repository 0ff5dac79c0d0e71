import { Writable } from 'node:stream';
import { Database, makeRoles, type RoleNames } from '@millrace/database';
import { createLogger } from '@millrace/telemetry';
import { createTestDatabase, type TestDatabase, testApiKey, Wire, waitFor } from '@millrace/test-support';
import { acceptedDocument } from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

const passwords = { service: 'service-password-1', readonly: 'readonly-password-1' };

describe('When the read URL is of the same database for the read-only role', () => {
  let testDatabase: TestDatabase;
  let owner: Database;
  let names: RoleNames;
  let wire: Wire;
  let api: TestApi;
  let log = '';
  const logged = new Writable({
    write(line, _encoding, done) {
      log += line;
      done();
    },
  });
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    const { url } = testDatabase;
    owner = new Database({ url, poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
    ({ names } = await makeRoles({ databaseUrl: url, passwords }));
    const urlAs = (username: string, password: string) =>
      Object.assign(new URL(url), { username, password }).toString();
    const wired = await Wire.to(urlAs(names.readonly, passwords.readonly));
    wire = wired.wire;
    const changes = {
      DATABASE_URL: urlAs(names.service, passwords.service),
      DATABASE_READ_URL: wired.url,
      DATABASE_READ_MAX_LAG_MS: '1000',
    };
    api = await TestApi.start(changes, createLogger('test', 'info', logged));
  });
  afterAll(async () => {
    await api?.stop();
    await wire?.close();
    await owner?.close();
    await testDatabase?.drop();
  });

  /** Takes the right to search from a role, and waits until a search answers this status. */
  async function searchWithout(role: string, expected: number): Promise<void> {
    await owner.sql.none('REVOKE SELECT ON document_chunks, document_pages FROM $1:name', [role]);
    await waitFor(`a search to be answered with ${expected}`, async () => {
      const { status } = await api.client.post('/api/v1/search').send({ query: 'tea' });
      return status === expected;
    });
  }

  afterEach(async () => {
    for (const role of [names.service, names.readonly]) {
      await owner.sql.none('GRANT SELECT ON document_chunks, document_pages TO $1:name', [role]);
    }
  });

  test('then searches run as that role', () => searchWithout(names.service, 200));

  test('then lists of chunks and pages run on the primary, so that a ready document is listed whole', async () => {
    const { document } = await acceptedDocument(api.database);
    await searchWithout(names.readonly, 500);
    for (const list of ['chunks', 'pages']) {
      expect((await api.client.get(`/api/v1/documents/${document.id}/${list}`)).status).toBe(200);
    }
  });

  /** True when the gauge says that the replica is read. */
  async function gauge(): Promise<boolean> {
    const { text } = await api.anonymous.get('/metrics').set('X-API-Key', testApiKey);
    const [, value] = /^millrace_database_read_fresh\{service="api"\} ([01])$/m.exec(text) ?? [];
    expect(value).toBeDefined();
    return value === '1';
  }

  test('then metrics and log say once when the replica is not read and why, and when it is read again', async () => {
    await waitFor('the replica to be read', gauge);
    // On a busy machine a slow answer of the replica may have been warned of before.
    log = '';
    const warnings = () => log.match(/DATABASE_READ_URL is not read/g)?.length ?? 0;
    wire.cut();
    await waitFor('the warning', async () => warnings() > 0);
    expect(await gauge()).toBe(false);
    const tries = wire.refused;
    await waitFor('several further tries', async () => wire.refused > tries + 2);
    expect(warnings()).toBe(1);
    expect(log).toMatch(/"reason":"The database cannot be used: /);
    wire.mend();
    await waitFor('the replica to be read again', async () => log.includes('DATABASE_READ_URL is read again'));
    expect(await gauge()).toBe(true);
  });
});
