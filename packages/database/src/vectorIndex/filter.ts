import type { Sql } from '../connection/sql';

export interface SearchFilter {
  /** The model of the query's vector. Vectors of two models cannot be compared. */
  embeddingModel: string;
  /** The collections to search, or undefined for all. An empty list finds nothing. */
  collectionIds?: readonly string[] | undefined;
  /** Collections to leave out. */
  exceptCollectionIds?: readonly string[] | undefined;
  /** A document, or one version of it that need not be current. */
  documentId?: string | undefined;
  /** Only the current version of what has this name. */
  externalId?: string | undefined;
  /** JSON that the document's metadata must contain. */
  metadata?: Record<string, unknown> | undefined;
}

/** True when the filter removes some vectors of its model. */
export function isNarrow({
  collectionIds,
  exceptCollectionIds,
  documentId,
  externalId,
  metadata,
}: SearchFilter): boolean {
  return [collectionIds, exceptCollectionIds, documentId, externalId, metadata].some((part) => part !== undefined);
}

type Value = 'embeddingModel' | 'collectionIds' | 'exceptCollectionIds' | 'documentId' | 'externalId' | 'metadata';

/**
 * Returns the SQL between SELECT and ORDER BY for the filtered chunks `c`. Unless the filter names one document, versions that are
 * not current are left out, in the snapshot of this one statement.
 * @param value returns the SQL of one of the filter's values.
 */
export function filteredChunks(filter: SearchFilter, value: (name: Value) => string = (name) => `$<${name}>`): string {
  return `${matchingChunks(filter, value)} ${filter.documentId === undefined ? isVisible(filter) : ''}`;
}

function matchingChunks(
  { collectionIds, exceptCollectionIds, documentId, externalId, metadata }: SearchFilter,
  value: (name: Value) => string,
): string {
  const isIn = (alias: string) =>
    collectionIds === undefined ? '' : `AND ${alias}.collection_id = ANY(${value('collectionIds')}::uuid[])`;
  return `FROM document_chunks c ${metadata === undefined ? '' : 'JOIN documents d ON d.id = c.document_id'}
    WHERE c.embedding IS NOT NULL AND c.embedding_model = ${value('embeddingModel')} ${isIn('c')}
      ${exceptCollectionIds === undefined ? '' : `AND c.collection_id <> ALL(${value('exceptCollectionIds')}::uuid[])`}
      ${documentId === undefined ? '' : `AND c.document_id = ${value('documentId')}::uuid`}
      ${
        externalId === undefined
          ? ''
          : `AND c.document_id = ANY(ARRAY(SELECT n.id FROM documents n
               WHERE n.external_id = ${value('externalId')} ${isIn('n')} AND n.is_current))`
      }
      ${metadata === undefined ? '' : `AND d.metadata @> ${value('metadata')}::jsonb`}`;
}

/**
 * SQL: the document of chunk `c` is current. Without hidden documents, the first condition is true, and costs one look into an empty
 * index for the whole search.
 */
function isVisible({ externalId, metadata }: SearchFilter): string {
  if (externalId !== undefined) {
    return '';
  }
  return metadata === undefined
    ? `AND (NOT EXISTS (SELECT FROM documents WHERE NOT is_current)
            OR NOT EXISTS (SELECT FROM documents h WHERE h.id = c.document_id AND NOT h.is_current))`
    : 'AND d.is_current';
}

/** Returns the values that `filteredChunks` names. */
export function filterValues(filter: SearchFilter) {
  const { embeddingModel, collectionIds, exceptCollectionIds, documentId, externalId, metadata } = filter;
  return {
    embeddingModel,
    collectionIds: arrayText(collectionIds),
    exceptCollectionIds: arrayText(exceptCollectionIds),
    documentId: documentId ?? null,
    externalId: externalId ?? null,
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
  } satisfies Record<Value, string | null>;
}

/** The text of a PostgreSQL array, which is the same as a parameter and as a setting. */
function arrayText(ids: readonly string[] | undefined): string | null {
  return ids === undefined ? null : `{${ids.join(',')}}`;
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
     EXPLAIN (FORMAT JSON) SELECT ${matchingChunks(asked, (name) => `current_setting('millrace.${name}')`)}`,
    values,
  );
  return explained?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? Number.POSITIVE_INFINITY;
}
