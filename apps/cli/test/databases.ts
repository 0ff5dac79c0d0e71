import { readFileSync } from 'node:fs';
import { Database, defaultCollectionId, firstAdminId } from '@millrace/database';
import { withClient } from '@millrace/stack';
import { createTestDatabase, type TestDatabase, unitVector } from '@millrace/test-support';
import { makeContext, type TestContext } from './helpers';

const databases: TestDatabase[] = [];

/** Drops the databases that `newDatabase` has made. */
export async function dropDatabases(): Promise<void> {
  await Promise.all(databases.splice(0).map((database) => database.drop()));
}

/** Makes a database for a test, migrated or empty. */
export async function newDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const database = await createTestDatabase(options);
  databases.push(database);
  return database;
}

/** Makes a context in which the database is configured. */
export const contextFor = (database: { url: string }, more: Record<string, string> = {}) =>
  makeContext({ DATABASE_URL: database.url, ...more });

export function rowsOf<T extends object>(url: string, statement: string): Promise<T[]> {
  return withClient(url, 60_000, async (client) => (await client.query<T>(statement)).rows);
}

/** Adds documents with chunks. Their vectors have tiny, huge and periodic numbers, and negative zero. */
export async function fill(url: string, documents: number, chunksEach: number): Promise<void> {
  const database = new Database({ url, poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
  try {
    for (let n = 0; n < documents; n += 1) {
      const id = `00000000-0000-7000-9000-${String(n).padStart(12, '0')}`;
      await database.transaction(async (session) => {
        await session.documents.insertIfNew({
          id,
          collectionId: defaultCollectionId,
          ownerId: firstAdminId,
          filename: `${n} ünïcode "quoted".pdf`,
          sourcePath: `originals/${id}`,
          contentHash: String(n).padStart(64, '0'),
          mimeType: 'application/pdf',
          sizeBytes: 10,
        });
        await session.documentChunks.upsertAll(
          Array.from({ length: chunksEach }, (_, index) => {
            const embedding = unitVector(index);
            embedding.set([1e-38, -0, Math.fround(1 / 3) / (n + 1), 3.4e38 * (n / documents)], 4);
            return {
              id: `00000000-0000-7000-${String(8000 + n)}-${String(index).padStart(12, '0')}`,
              documentId: id,
              collectionId: defaultCollectionId,
              ownerId: firstAdminId,
              chunkIndex: index,
              chunkHash: String(index),
              contentHash: `${n}-${index}`,
              content: `Text ${index}\n\twith "quotes", \\. and 日本語`,
              tokenCount: 3,
              pageStart: 1,
              pageEnd: 1,
              section: null,
              coordinates: [{ page: 1, x0: 0.1, y0: 0.2, x1: 1 / 3, y1: 0.4 }],
              embedding,
              embeddingModel: 'millrace-static-v2',
            };
          }),
        );
      });
    }
  } finally {
    await database.close();
  }
}

/** Returns the database as the services use it, after `db roles`. */
export const serviceUrlOf = (context: TestContext) =>
  /DATABASE_URL='(.*)'/.exec(readFileSync(rolesFileOf(context), 'utf8'))?.[1] ?? '';

/** Returns the file of the roles' URLs that `db roles` has named. */
export const rolesFileOf = ({ printed }: TestContext) =>
  printed.map((line) => /^Their URLs, with passwords, are in (.*)$/.exec(line)?.[1]).findLast(Boolean) ?? '';
