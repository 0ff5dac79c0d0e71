/**
 * SQL: a collection, given by the SQL of its id, is not being deleted. While none is, which is nearly always, this costs one look into
 * an empty index for the whole statement.
 */
export function isNotBeingDeleted(collectionId: string): string {
  return `(NOT EXISTS (SELECT FROM collections WHERE status = 'deleting')
    OR ${collectionId} <> ALL(ARRAY(SELECT id FROM collections WHERE status = 'deleting')))`;
}
