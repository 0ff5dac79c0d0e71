import type { Sql } from '../sql';

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

/** SQL: what stands between SELECT and ORDER BY, for the chunks `c` that a filter leaves; `filterValues` are its values. */
export function filteredChunks({ collectionId, documentId, metadata }: SearchFilter): string {
  return `FROM document_chunks c ${metadata === undefined ? '' : 'JOIN documents d ON d.id = c.document_id'}
    WHERE c.embedding IS NOT NULL AND c.embedding_model = $<embeddingModel>
      ${collectionId === undefined ? '' : 'AND c.collection_id = $<collectionId>'}
      ${documentId === undefined ? '' : 'AND c.document_id = $<documentId>'}
      ${metadata === undefined ? '' : 'AND d.metadata @> $<metadata>::jsonb'}`;
}

export function filterValues({ metadata, ...ids }: SearchFilter): Record<string, string | undefined> {
  return { ...ids, metadata: metadata && JSON.stringify(metadata) };
}

/** How many chunks the planner expects a filter to leave, from its statistics: nothing is read. */
export async function expectedRows(sql: Sql, filter: SearchFilter): Promise<number> {
  const [explained] = await sql.many<{ 'QUERY PLAN': { Plan: { 'Plan Rows': number } }[] }>(
    `EXPLAIN (FORMAT JSON) SELECT ${filteredChunks(filter)}`,
    filterValues(filter),
  );
  return explained?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? Number.POSITIVE_INFINITY;
}
