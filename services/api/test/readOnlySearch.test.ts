import { Database, makeRoles } from '@millrace/database';
import { createTestDatabase, waitFor } from '@millrace/test-support';
import { TestApi } from './support';

const passwords = { service: 'service-password-1', readonly: 'readonly-password-1' };

test('When the read URL is of the same database for the read-only role, then searches run as that role', async () => {
  const { url, drop } = await createTestDatabase();
  const owner = new Database({ url, poolMax: 1, connectTimeoutMs: 5_000, applicationName: 'test' });
  try {
    const { names } = await makeRoles({ databaseUrl: url, passwords });
    const urlAs = (username: string, password: string) =>
      Object.assign(new URL(url), { username, password }).toString();
    const api = await TestApi.start({
      DATABASE_URL: urlAs(names.service, passwords.service),
      DATABASE_READ_URL: urlAs(names.readonly, passwords.readonly),
      DATABASE_READ_MAX_LAG_MS: '1000',
    });
    try {
      // From now on the role of everything else cannot search.
      await owner.sql.none('REVOKE SELECT ON document_chunks FROM $1:name', [names.service]);
      await waitFor('a search to be answered', async () => {
        const { status } = await api.client.post('/api/v1/search').send({ query: 'tea' });
        return status === 200;
      });
    } finally {
      await api.stop();
    }
  } finally {
    await owner.close();
    await drop();
  }
});
