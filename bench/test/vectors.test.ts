import { createHash } from 'node:crypto';
import type { Database } from '@millrace/database';
import { makeCorpus } from '../src/vectors/corpus';
import { finish, prepare } from '../src/vectors/dataset';
import { divide, loadPart, missingParts, type Source } from '../src/vectors/parts';
import { moreQueries, truthQueries } from '../src/vectors/queries';
import { rowOf, scopeCollections, scopes } from '../src/vectors/rows';
import { passageText, rowText } from '../src/vectors/rowText';
import { beginSmallDataset, corpus, division, type SmallDataset } from './smallDataset';

describe('rowText', () => {
  it('When a row is made again, alone and in another order, then it is the same, and no other row is', () => {
    const texts = Array.from({ length: 200 }, (_, row) => rowText(corpus, row));
    expect(rowText(makeCorpus(corpus.documents, []), 137)).toBe(texts[137]);
    expect(new Set(texts).size).toBe(200);
    for (const text of texts) {
      expect(text.split(' ').length).toBeGreaterThanOrEqual(130);
      expect(text.split(' ').length).toBeLessThan(200);
    }
  });

  it('When queries are made, then none is a row, and those for load are none of those with a known truth', () => {
    const rows = new Set(Array.from({ length: 500 }, (_, row) => rowText(corpus, row)));
    const queries = truthQueries(corpus);
    expect(queries).toHaveLength(201);
    expect(queries.at(-1)).toBe('What was paid in 2015?');
    expect([...queries, passageText(corpus, 0)].filter((query) => rows.has(query))).toEqual([]);
    expect(new Set([...queries, ...moreQueries(corpus, 300)]).size).toBe(new Set(queries).size + 300);
  });
});

describe('divide', () => {
  it('When there are few rows, then documents are small, so that a thousandth of them is one', () => {
    expect(divide(1_000_000)).toMatchObject({ perDocument: 100, perPart: 5_000, parts: 200 });
    expect(divide(7_000)).toMatchObject({ perDocument: 7, perPart: 4_998, parts: 2 });
    expect(() => divide(1_500)).toThrow('not 1500');
  });
});

describe('a data set', () => {
  let small: SmallDataset;
  let database: Database;
  let source: Source;
  let databaseUrl: string;

  beforeEach(async () => {
    small = await beginSmallDataset();
    ({ database, source, databaseUrl } = small);
  });

  afterEach(() => small.cleanUp());

  async function digest(): Promise<string> {
    const rows = await database.sql.many(
      `SELECT c.id, c.document_id, c.collection_id, c.chunk_index, c.chunk_hash, c.content, c.embedding::text, d.metadata
       FROM document_chunks c JOIN documents d ON d.id = c.document_id ORDER BY c.id`,
    );
    expect(rows).toHaveLength(division.rows);
    return createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  }

  it('When its truth is compared with an exact search by PostgreSQL, then they agree, with and without a filter', async () => {
    await small.loadMissing();
    const truth = await finish(databaseUrl, database, source);
    for (const scope of scopes) {
      for (const [query, vector] of source.queryVectors.entries()) {
        const found = await database.sql.many<{ id: string; similarity: number }>(
          `SELECT c.id, 1 - (c.embedding <=> $<vector>::vector) AS similarity
           FROM document_chunks c JOIN documents d ON d.id = c.document_id
           WHERE $<collection>::uuid IS NULL OR (c.collection_id = $<collection> AND d.metadata ->> 'part' = $<scope>)
           ORDER BY (c.embedding <=> $<vector>::vector) + 0, c.id LIMIT 20`,
          { vector: `[${vector.join(',')}]`, scope, collection: scope === 'all' ? null : scopeCollections[scope] },
        );
        const wanted = truth[scope][query] ?? [];
        expect(wanted).toHaveLength(scope === 'all' ? 20 : 3);
        expect(found.map((row) => rowOf(row.id)).sort()).toEqual(wanted.map((near) => near.row).sort());
        for (const [n, near] of wanted.entries()) {
          expect(near.similarity).toBeCloseTo(found[n]?.similarity ?? 0, 5);
        }
      }
    }
  });

  it('When making it is broken off within a part and goes on later, then it has the same rows and the same truth', async () => {
    await small.loadMissing();
    const whole = await digest();
    const truth = await finish(databaseUrl, database, source);
    await database.sql.none('TRUNCATE documents, bench_parts CASCADE; UPDATE bench_set SET truth = NULL');

    await loadPart(database, source, division, 0);
    await loadPart(database, source, division, 3);
    await database.sql.none('ALTER TABLE document_chunks ADD CONSTRAINT too_many CHECK (chunk_index < 2) NOT VALID');
    await expect(loadPart(database, source, division, 1)).rejects.toThrow();
    await database.sql.none('ALTER TABLE document_chunks DROP CONSTRAINT too_many');
    expect(await missingParts(database.sql, division)).toEqual([1, 2, 4]);
    await prepare(databaseUrl, database, source);
    await small.loadMissing();

    expect(await digest()).toBe(whole);
    expect(await finish(databaseUrl, database, source)).toEqual(truth);
  });

  it('When it was made with other vectors, then it is refused with what to do about it', async () => {
    await database.sql.none(`UPDATE bench_set SET model = 'other'`);
    await expect(prepare(databaseUrl, database, source)).rejects.toThrow('vectors remove');
    await database.sql.none('UPDATE bench_set SET model = $1', [source.provider.model]);
    const changed = { ...source, queryVectors: source.queryVectors.slice(1) };
    await expect(prepare(databaseUrl, database, changed)).rejects.toThrow('other texts');
  });
});
