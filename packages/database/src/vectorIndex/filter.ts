import type { Sql } from '../connection/sql';

export interface SearchFilter {
  /** The query's model: vectors of two models cannot be compared. */
  embeddingModel: string;
  collectionId?: string | undefined;
  documentId?: string | undefined;
  /** What the document's metadata must contain. */
  metadata?: Record<string, unknown> | undefined;
}

/** Whether it leaves less than all the vectors of its model. */
export function isNarrow({ collectionId, documentId, metadata }: SearchFilter): boolean {
  return [collectionId, documentId, metadata].some((part) => part !== undefined);
}

type Value = 'embeddingModel' | 'collectionId' | 'documentId' | 'metadata';

/** SQL: what stands between SELECT and ORDER BY, for the chunks `c` that a filter leaves. @param value SQL of one of its values */
export function filteredChunks(
  { collectionId, documentId, metadata }: SearchFilter,
  value: (name: Value) => string = (name) => `$<${name}>`,
): string {
  return `FROM document_chunks c ${metadata === undefined ? '' : 'JOIN documents d ON d.id = c.document_id'}
    WHERE c.embedding IS NOT NULL AND c.embedding_model = ${value('embeddingModel')}
      ${collectionId === undefined ? '' : `AND c.collection_id = ${value('collectionId')}::uuid`}
      ${documentId === undefined ? '' : `AND c.document_id = ${value('documentId')}::uuid`}
      ${metadata === undefined ? '' : `AND d.metadata @> ${value('metadata')}::jsonb`}`;
}

/** The values named in `filteredChunks`. */
export function filterValues({ embeddingModel, collectionId, documentId, metadata }: SearchFilter) {
  return {
    embeddingModel,
    collectionId: collectionId ?? null,
    documentId: documentId ?? null,
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
  } satisfies Record<Value, string | null>;
}

/**
 * How many chunks the planner expects a filter to leave, from its statistics: nothing is read. The values stand in settings of
 * the transaction, because pg_stat_statements would take an EXPLAIN with other values for another statement.
 */
export async function expectedRows(sql: Sql, filter: SearchFilter): Promise<number> {
  // The planner takes parts of a filter for independent: of a document in its collection it would expect next to nothing.
  const asked = filter.documentId === undefined ? filter : { ...filter, collectionId: undefined };
  const values = filterValues(asked);
  const names = Object.keys(values) as Value[];
  const settings = names.map((name) => `set_config('millrace.${name}', $<${name}>, true)`);
  const [explained] = await sql.many<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] }>(
    `SELECT ${settings.join(', ')};
     EXPLAIN (FORMAT JSON) SELECT ${filteredChunks(asked, (name) => `current_setting('millrace.${name}')`)}`,
    values,
  );
  return explained?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? Number.POSITIVE_INFINITY;
}
