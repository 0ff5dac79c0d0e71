import type { Dataset } from './dataset';
import type { ScopedFilter } from './filters';
import { recallAt, type Truth } from './truth';

/** Asks the queries with a known truth one after the other on one connection, as the API searches with SEARCH_EFFORT. */
export async function measureSearch(
  { database, provider, queryVectors }: Pick<Dataset, 'database' | 'provider' | 'queryVectors'>,
  { scope, filter, effort = 1 }: Pick<ScopedFilter, 'scope' | 'filter'> & { effort?: number },
  truth: Truth,
): Promise<{ times: number[]; recall: number }> {
  const times: number[] = [];
  let recall = 0;
  for (const [query, vector] of queryVectors.entries()) {
    const startedAt = performance.now();
    const found = await database.read((session) =>
      session.documentChunks.search(vector, { embeddingModel: provider.model, ...filter }, { limit: 10, effort }),
    );
    times.push(performance.now() - startedAt);
    const similarities = found.map((row) => row.score);
    recall += recallAt(10, similarities, truth[scope][query]);
  }
  return { times, recall: recall / queryVectors.length };
}
