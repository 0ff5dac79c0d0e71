import { Database, makeRoles, type RoleNames } from '@millrace/database';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { accept } from '../../../packages/lifecycle/test/support';
import { TestApi } from './support';

const passwords = { service: 'service-password-1', readonly: 'readonly-password-1' };

describe('When the read URL is of the same database for the read-only role', () => {
  let testDatabase: TestDatabase;
  let owner: Database;
  let names: RoleNames;
  let api: TestApi;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    const { url } = testDatabase;
    owner = new Database({ url, poolMax: 1, connectTimeoutMs: 5_000, applicationName: 'test' });
    ({ names } = await makeRoles({ databaseUrl: url, passwords }));
    const urlAs = (username: string, password: string) =>
      Object.assign(new URL(url), { username, password }).toString();
    api = await TestApi.start({
      DATABASE_URL: urlAs(names.service, passwords.service),
      DATABASE_READ_URL: urlAs(names.readonly, passwords.readonly),
      DATABASE_READ_MAX_LAG_MS: '1000',
    });
  });
  afterAll(async () => {
    await api?.stop();
    await owner?.close();
    await testDatabase?.drop();
  });

  /** Waits until a search is answered with this status while one of the roles may not search. */
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

  test("then a document's chunks and pages do not: what is said to be ready is listed whole", async () => {
    const { document } = await accept(api.database);
    await searchWithout(names.readonly, 500);
    for (const list of ['chunks', 'pages']) {
      expect((await api.client.get(`/api/v1/documents/${document.id}/${list}`)).status).toBe(200);
    }
  });
});
