import { chunkHashOf, contentHashOf } from '@millrace/contracts';
import { defaultCollectionId, firstAdminId, type NewDocumentChunk } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import type { Corpus } from './corpus';
import { rowText } from './rowText';

/** The parts of a set that a search may be narrowed to. The small ones have a collection and a metadata value. */
export const scopes = ['all', 'one-percent', 'one-thousandth'] as const;
export type Scope = (typeof scopes)[number];

/** The collections of the two small parts. All other documents are in the default collection. */
export const scopeCollections: Record<Exclude<Scope, 'all'>, string> = {
  'one-percent': idOf(0xc011, 1),
  'one-thousandth': idOf(0xc011, 2),
};

/** Returns the chunks of each document. There are at least a thousand documents, so that a thousandth of them is one. */
export function rowsOfADocument(rows: number): number {
  return Math.max(1, Math.min(100, Math.floor(rows / 1_000)));
}

/** A document of a set, by its number. */
export interface DatasetDocument {
  id: string;
  collectionId: string;
  /** The small part it belongs to, or null for the rest. */
  part: Exclude<Scope, 'all'> | null;
}

export function documentOf(number: number): DatasetDocument {
  const part = number % 1_000 === 7 ? 'one-thousandth' : number % 100 === 3 ? 'one-percent' : null;
  return {
    id: idOf(0xd0c5, number),
    collectionId: part === null ? defaultCollectionId : scopeCollections[part],
    part,
  };
}

/** Makes a row as the product would store it. */
function chunkOf(
  row: number,
  perDocument: number,
  made: { text: string; vector: Float32Array; model: string },
): NewDocumentChunk {
  const document = documentOf(Math.floor(row / perDocument));
  const index = row % perDocument;
  const page = 1 + Math.floor(index / 3);
  const contentHash = contentHashOf(made.text);
  return {
    id: chunkId(row),
    documentId: document.id,
    collectionId: document.collectionId,
    ownerId: firstAdminId,
    chunkIndex: index,
    // The index is part of the hash, so that equal rows of a document stay two rows.
    chunkHash: chunkHashOf(contentHash, index),
    contentHash,
    content: made.text,
    tokenCount: Math.round(made.text.length / 4.5),
    pageStart: page,
    pageEnd: page,
    section: `Part ${1 + Math.floor(index / 20)}`,
    coordinates: [{ page, x0: 0.1, y0: 0.1 + (index % 3) * 0.28, x1: 0.9, y1: 0.36 + (index % 3) * 0.28 }],
    embedding: made.vector,
    embeddingModel: made.model,
  };
}

/** Makes the rows from `from` up to, not including, `to`, with their vectors. */
export async function makeRows(
  corpus: Corpus,
  provider: EmbeddingProvider,
  { from, to, perDocument }: { from: number; to: number; perDocument: number },
): Promise<NewDocumentChunk[]> {
  const texts = Array.from({ length: to - from }, (_, n) => rowText(corpus, from + n));
  const vectors = await provider.embed(texts);
  return texts.map((text, n) =>
    chunkOf(from + n, perDocument, { text, vector: vectors[n] ?? new Float32Array(), model: provider.model }),
  );
}

export function chunkId(row: number): string {
  return idOf(0xc4a2, row);
}

/** Makes a UUID from a number. Larger numbers sort later, as in the product. */
function idOf(kind: number, number: number): string {
  return `00000000-${kind.toString(16)}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}
