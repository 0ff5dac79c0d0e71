import type { Sql } from '../connection/sql';

export interface SearchFilter {
  /** The model of the query's vector. Vectors of two models cannot be compared. */
  embeddingModel: string;
  /** The collections to search, or undefined for all. An empty list finds nothing. */
  collectionIds?: readonly string[] | undefined;
  documentId?: string | undefined;
  /** JSON that the document's metadata must contain. */
  metadata?: Record<string, unknown> | undefined;
}

/** True when the filter removes some vectors of its model. */
export function isNarrow({ collectionIds, documentId, metadata }: SearchFilter): boolean {
  return [collectionIds, documentId, metadata].some((part) => part !== undefined);
}

type Value = 'embeddingModel' | 'collectionIds' | 'documentId' | 'metadata';

/**
 * Returns the SQL between SELECT and ORDER BY for the filtered chunks `c`.
 * @param value returns the SQL of one of the filter's values.
 */
export function filteredChunks(
  { collectionIds, documentId, metadata }: SearchFilter,
  value: (name: Value) => string = (name) => `$<${name}>`,
): string {
  return `FROM document_chunks c ${metadata === undefined ? '' : 'JOIN documents d ON d.id = c.document_id'}
    WHERE c.embedding IS NOT NULL AND c.embedding_model = ${value('embeddingModel')}
      ${collectionIds === undefined ? '' : `AND c.collection_id = ANY(${value('collectionIds')}::uuid[])`}
      ${documentId === undefined ? '' : `AND c.document_id = ${value('documentId')}::uuid`}
      ${metadata === undefined ? '' : `AND d.metadata @> ${value('metadata')}::jsonb`}`;
}

/** Returns the values that `filteredChunks` names. */
export function filterValues({ embeddingModel, collectionIds, documentId, metadata }: SearchFilter) {
  return {
    embeddingModel,
    // The text of a PostgreSQL array, so that the value is the same as a parameter and as a setting.
    collectionIds: collectionIds === undefined ? null : `{${collectionIds.join(',')}}`,
    documentId: documentId ?? null,
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
  } satisfies Record<Value, string | null>;
}

/**
 * Returns how many chunks the planner expects the filter to leave. It uses statistics and reads no rows. The values are passed
 * as settings of the transaction, because pg_stat_statements counts an EXPLAIN with other literals as another statement.
 */
export async function expectedRows(sql: Sql, filter: SearchFilter): Promise<number> {
  // The planner treats conditions as independent. For a document in its collection it would expect almost no rows.
  const asked = filter.documentId === undefined ? filter : { ...filter, collectionIds: undefined };
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
