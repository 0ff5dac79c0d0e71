import { type Database, Session, Sql } from '@millrace/database';
import type { Client } from 'pg';

const limit = 10;

export interface TableQuery {
  vector: Float32Array;
  /** To search in this one alone. */
  collectionId?: string;
}

/** Does as another, with a table in the place of document_chunks. */
class OtherTableSql extends Sql {
  constructor(
    private readonly other: Sql,
    private readonly table: string,
  ) {
    super(() => Promise.reject(new Error('A search does nothing but read many rows')), other.copyIn);
  }

  override many<T>(statement: string, values?: unknown): Promise<T[]> {
    // The table is named in the search itself, and given as a value to the question which indexes it has.
    const given = Array.isArray(values)
      ? values.map((value: unknown) => (value === 'document_chunks' ? this.table : value))
      : values;
    return this.other.many(statement.replaceAll(/\bdocument_chunks\b/g, this.table), given);
  }
}

/** Searches a table like document_chunks as the product searches that one, by its vector index. @returns the chunks' ids */
export async function searchIn(
  database: Database,
  table: string,
  { vector, collectionId }: TableQuery,
  model: string,
): Promise<string[]> {
  const found = await database.read((session) =>
    new Session(new OtherTableSql(session.sql, table)).documentChunks.search(
      vector,
      { embeddingModel: model, collectionId },
      { limit },
    ),
  );
  return found.map((row) => row.chunkId);
}

/** The nearest by comparing all vectors: no index is sorted by such an expression. */
export async function exactIn(client: Client, table: string, { vector, collectionId }: TableQuery): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM ${table} WHERE $2::uuid IS NULL OR collection_id = $2
     ORDER BY (embedding <=> $1::vector) + 0 LIMIT ${limit}`,
    [`[${vector.join(',')}]`, collectionId ?? null],
  );
  return rows.map((row) => row.id);
}
