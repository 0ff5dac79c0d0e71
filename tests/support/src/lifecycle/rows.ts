import { chunkHashOf, contentHashOf, newId } from '@millrace/contracts';
import {
  defaultCollectionId,
  firstAdminId,
  type NewDocument,
  type NewDocumentChunk,
  type NewDocumentPage,
} from '@millrace/database';
import { unitVector } from '../chunks';

/** The lowest id. Pages of a list that come after it start with the first row. */
export const firstId = '00000000-0000-0000-0000-000000000000';

/** Returns the row of a document whose content no other test uses. */
export function newDocument(changes: Partial<NewDocument> = {}): NewDocument {
  const id = changes.id ?? newId();
  return {
    id,
    collectionId: defaultCollectionId,
    ownerId: firstAdminId,
    filename: 'test.pdf',
    sourcePath: `originals/${id}`,
    contentHash: id.replaceAll('-', '').padEnd(64, '0'),
    mimeType: 'application/pdf',
    sizeBytes: 10,
    ...changes,
  };
}

/** Returns the row of a page with this number. */
export function newPage(number: number, outcome: 'text' | 'empty' | 'failed' = 'text'): NewDocumentPage {
  return {
    page: number,
    width: 612,
    height: 792,
    outcome,
    characters: outcome === 'text' ? 20 : 0,
    errorCode: outcome === 'failed' ? 'PAGE_FAILED' : null,
  };
}

type DocumentChunkChanges = Partial<NewDocumentChunk> & Pick<NewDocumentChunk, 'documentId' | 'chunkIndex'>;

/** Returns the row of a document chunk. Its text and vector depend on its index. */
export function newDocumentChunk(changes: DocumentChunkChanges): NewDocumentChunk {
  const { chunkIndex, content = `Text ${chunkIndex}` } = changes;
  const contentHash = changes.contentHash ?? contentHashOf(content);
  return {
    id: newId(),
    collectionId: defaultCollectionId,
    ownerId: firstAdminId,
    chunkHash: chunkHashOf(contentHash, 0),
    contentHash,
    content,
    tokenCount: 2,
    pageStart: 1,
    pageEnd: 1,
    section: null,
    coordinates: [],
    embedding: unitVector(chunkIndex),
    embeddingModel: 'test-model',
    ...changes,
  };
}
