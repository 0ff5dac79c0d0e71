import { waitFor } from '@millrace/test-support';
import { TestApi } from './support';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start({ SEARCH_EFFORT: '1.5' });
});
afterAll(() => api.stop());

test('When SEARCH_EFFORT is set, then a search reads that many times as much of the index', async () => {
  const search = () => api.client.post('/api/v1/search').send({ query: 'a lighthouse' }).then();
  // The first search looks up the current model.
  await search();
  const { held, answer } = await api.database.transaction(async ({ sql }) => {
    await sql.none('LOCK TABLE document_chunks IN ACCESS EXCLUSIVE MODE');
    const searching = search();
    const waiting = await waitFor('the search to be held up', async () => {
      // Without this the transaction would go on seeing the statements of its first look.
      await sql.many('SELECT pg_stat_clear_snapshot()');
      const statements = await sql.many<{ query: string }>(
        `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return statements[0]?.query;
    });
    return { held: waiting, answer: () => searching };
  });
  expect(held).toContain('hnsw.ef_search = 600;');
  expect(await answer()).toMatchObject({ status: 200, body: { hits: [] } });
});
