import { Session, Sql } from '@millrace/database';
import { as } from 'pg-promise';
import { byClients } from '../clients';
import type { Dataset } from '../vectors/dataset';
import type { ScopedFilter } from '../vectors/filters';

/** What the product sends to PostgreSQL for searches, ready to be sent by anybody. */
export interface RecordedSearches {
  /** The scan's settings, for a whole session. */
  setUp: string;
  /** The statements that look for chunks, of each search: one, or two where the first has found too little. */
  statements: string[][];
}

/** Does as another, and keeps what was asked. */
class RecordingSql extends Sql {
  readonly asked: string[] = [];

  constructor(private readonly other: Sql) {
    super(() => Promise.reject(new Error('A search does nothing but read many rows')), other.copyIn);
  }

  override many<T>(statement: string, values?: unknown): Promise<T[]> {
    this.asked.push(as.format(statement, values));
    return this.other.many(statement, values);
  }
}

/** Runs a search for each vector through the product, and keeps what it sends. */
export async function recordSearches(
  { database, provider }: Pick<Dataset, 'database' | 'provider'>,
  vectors: readonly Float32Array[],
  { filter }: ScopedFilter,
  limit: number,
): Promise<RecordedSearches> {
  const recorded: RecordedSearches = { setUp: '', statements: [] };
  const tasks = vectors.map((vector, index) => async () => {
    const asked = await database.read(async (session) => {
      const sql = new RecordingSql(session.sql);
      await new Session(sql).documentChunks.search(vector, { embeddingModel: provider.model, ...filter }, limit);
      return sql.asked;
    });
    const searches = asked.filter((statement) => /\bFROM document_chunks\b/.test(statement));
    const settings = asked.find((statement) => statement.includes('set_config'));
    if (searches.length === 0 || settings === undefined) {
      throw new Error('The product searches in another way than this benchmark knows');
    }
    recorded.setUp = settings.replace('value, true', 'value, false');
    recorded.statements[index] = searches;
  });
  await byClients(2, tasks);
  return recorded;
}
