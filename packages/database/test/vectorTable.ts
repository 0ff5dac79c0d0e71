import { newId } from '@millrace/contracts';
import { createTestDatabase, plainModel, type TestDatabase, unitVector } from '@millrace/test-support';
import { newDocument, newDocumentChunk, openDatabase } from '@millrace/test-support/lifecycle';
import {
  type Database,
  defaultCollectionId,
  firstAdminId,
  migrate,
  type SearchFilter,
  type Session,
  type WantedChunks,
} from '../src';

export const model = 'test-model';
// The tests do not depend on the dimensions, and 768 of them take many times as long.
const dimensions = 64;

/** A collection with one document. Its vectors are near the queries or opposite to them. */
interface Part {
  collectionId: string;
  documentId: string;
  name: string;
  rows: number;
  opposite: boolean;
}

const part = (name: string, rows: number, opposite: boolean, collectionId = newId()): Part => ({
  collectionId,
  documentId: newId(),
  name,
  rows,
  opposite,
});

/** The filter and extent of a search. */
interface Nearest extends Partial<SearchFilter>, Partial<WantedChunks> {
  /** SQL that runs before the search in the same transaction. */
  prepare?: string;
}

/** A database with a thousand chunks. Their vectors lie around a few centres, as those of texts about a few topics do. */
export class VectorTable {
  /** Rows near the queries, and rows opposite to them: a fiftieth of all rows, and many. */
  readonly near = part('near', 540, false, defaultCollectionId);
  readonly few = part('few', 20, true);
  readonly many = part('many', 440, true);
  private readonly parts = [this.near, this.few, this.many];
  private readonly vectors: { part: Part; content: string; vector: Float32Array }[] = [];

  private constructor(
    private readonly testDatabase: TestDatabase,
    readonly database: Database,
  ) {}

  static async make(): Promise<VectorTable> {
    const testDatabase = await createTestDatabase({ empty: true });
    const { url } = testDatabase;
    await migrate({ databaseUrl: url, direction: 'up', embedding: plainModel(model, dimensions) });
    const database = openDatabase(url);
    const table = new VectorTable(testDatabase, database);
    await table.fill();
    return table;
  }

  get url(): string {
    return this.testDatabase.url;
  }

  async drop(): Promise<void> {
    await this.database.close();
    await this.testDatabase.drop();
  }

  /** Returns the vector of a row, by its place among all rows. */
  vectorOf(i: number): Float32Array {
    return this.vectors[i]?.vector ?? new Float32Array();
  }

  /**
   * The texts nearest to the vector of row `i`, found by the vector index even though the table is small.
   * @returns the texts, and how often each index except the primary key was used.
   */
  async nearest(
    i: number,
    { limit = 10, effort = 1, prepare = '', ...filter }: Nearest = {},
  ): Promise<{ texts: string[]; scans: Record<string, number> }> {
    return this.database.transaction(async (session) => {
      // Disabled plans have such high costs that JIT would compile every plan.
      await session.sql.none(
        `SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; ${prepare}`,
      );
      // The session's counters include earlier transactions that are not reported yet.
      const before = await scansIn(session);
      const rows = await session.documentChunks.search(
        this.vectorOf(i),
        { embeddingModel: model, ...filter },
        { limit, effort },
      );
      const scans = Object.entries(await scansIn(session))
        .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
        .filter(([, count]) => count > 0);
      return { texts: rows.map((row) => row.content), scans: Object.fromEntries(scans) };
    });
  }

  /** Updates the planner's statistics, and makes searches read the indexes again. */
  async analyze(): Promise<void> {
    await this.database.sql.none('ANALYZE document_chunks, documents');
    this.database.vectorIndexes.forget();
  }

  /** Returns the nearest texts by comparing all vectors. */
  exactly(i: number, { limit = 10, parts = this.parts }: { limit?: number; parts?: Part[] } = {}): string[] {
    const query = this.vectorOf(i);
    const similarity = (vector: Float32Array) =>
      vector.reduce((sum, component, d) => sum + component * (query[d] ?? 0), 0);
    return this.vectors
      .filter((row) => parts.includes(row.part))
      .map(({ content, vector }) => ({ content, score: similarity(vector) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, limit)
      .map(({ content }) => content);
  }

  private async fill(): Promise<void> {
    for (const { collectionId, documentId, name } of this.parts) {
      await this.database.sql.none(
        'INSERT INTO collections (id, owner_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [collectionId, firstAdminId, name],
      );
      await this.database.documents.insertIfNew(
        newDocument({ id: documentId, collectionId, filename: `${name}.pdf`, sourcePath: null }),
      );
      await this.database.sql.none('UPDATE documents SET metadata = $2 WHERE id = $1', [documentId, { name }]);
    }
    const random = randomNumbers();
    for (const of of this.parts) {
      for (let i = 0; i < of.rows; i += 1) {
        const vector = unitVector(i % 40, dimensions).map(
          (component) => (of.opposite ? -1 : 1) * (component + 0.05 * random()),
        );
        const length = Math.hypot(...vector);
        const content = `Text ${this.vectors.length}`;
        this.vectors.push({ part: of, content, vector: vector.map((component) => component / length) });
      }
    }
    const chunks = this.vectors.map(({ part: { collectionId, documentId }, content, vector }, chunkIndex) =>
      newDocumentChunk({ documentId, collectionId, chunkIndex, content, embedding: vector, embeddingModel: model }),
    );
    await this.database.transaction((session) => session.documentChunks.upsertAll(chunks));
  }
}

/** Returns how often each index of the chunks was used, and how often the table was read without one. */
async function scansIn(session: Session): Promise<Record<string, number>> {
  const rows = await session.sql.many<{ name: string; scans: number }>(
    `SELECT indexrelid::regclass::text AS name, pg_stat_get_xact_numscans(indexrelid)::integer AS scans
     FROM pg_index WHERE indrelid = 'document_chunks'::regclass AND NOT indisprimary
     UNION ALL SELECT 'whole table', pg_stat_get_xact_numscans('document_chunks'::regclass)::integer`,
  );
  return Object.fromEntries(rows.map(({ name, scans }) => [name, scans]));
}

/** Returns the same numbers from -1 to 1 every time (Marsaglia's 32-bit xorshift). */
function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}
