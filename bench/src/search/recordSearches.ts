import { Session, Sql } from '@millrace/database';
import { as } from 'pg-promise';
import { byClients } from '../clients';
import type { Dataset } from '../vectors/dataset';
import type { ScopedFilter } from '../vectors/filters';

/** Forwards statements and records them. */
class RecordingSql extends Sql {
  readonly asked: string[] = [];

  constructor(private readonly other: Sql) {
    super(() => Promise.reject(new Error('A search only reads rows.')), other.copyIn);
  }

  override many<T>(statement: string, values?: unknown): Promise<T[]> {
    this.asked.push(as.format(statement, values));
    return this.other.many(statement, values);
  }
}

/**
 * Runs a search for each vector through the product, as many as the time allows.
 * @returns for each search the messages to PostgreSQL that find chunks, settings included: one, or two when the first has found
 *   too little.
 */
export async function recordSearches(
  { database, provider }: Pick<Dataset, 'database' | 'provider'>,
  vectors: readonly Float32Array[],
  { filter }: ScopedFilter,
  { limit, effort, seconds }: { limit: number; effort: number; seconds: number },
): Promise<string[][]> {
  const recorded: string[][] = [];
  const tasks = vectors.map((vector, index) => async () => {
    const asked = await database.read(async (session) => {
      const sql = new RecordingSql(session.sql);
      await new Session(sql).documentChunks.search(
        vector,
        { embeddingModel: provider.model, ...filter },
        { limit, effort },
      );
      return sql.asked;
    });
    // The planner's estimate of the filter does not find chunks.
    const searches = asked.filter(
      (statement) => /\bFROM document_chunks\b/.test(statement) && !/\bEXPLAIN\b/.test(statement),
    );
    if (searches.length === 0) {
      throw new Error('The product searches in a way that this benchmark does not know.');
    }
    recorded[index] = searches;
  });
  await byClients(2, tasks, performance.now() + seconds * 1000);
  return recorded;
}
