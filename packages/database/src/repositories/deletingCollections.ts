/**
 * SQL: a document, given by the SQL of its id, is in no collection that is being deleted. While none is, which is nearly always, this
 * costs one look into an empty index for the whole statement.
 */
export function isNotBeingDeleted(documentId: string): string {
  return `(NOT EXISTS (SELECT FROM collections WHERE status = 'deleting') OR NOT EXISTS (
    SELECT FROM documents held JOIN collections k ON k.id = held.collection_id
    WHERE held.id = ${documentId} AND k.status = 'deleting'))`;
}
