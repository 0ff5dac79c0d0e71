import { chunkHashOf, contentHashOf } from '@millrace/contracts';
import { defaultCollectionId, type NewDocumentChunk, systemOwnerId } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import type { Corpus } from './corpus';
import { rowText } from './rowText';

/** What a search may be narrowed to; each but the first is a collection of its own and a value of the documents' metadata. */
export const scopes = ['all', 'one-percent', 'one-thousandth'] as const;
export type Scope = (typeof scopes)[number];

/** The collections of the two small parts; the rest is in the default one. */
export const scopeCollections: Record<Exclude<Scope, 'all'>, string> = {
  'one-percent': idOf(0xc011, 1),
  'one-thousandth': idOf(0xc011, 2),
};

/** How a set's rows are divided into documents. A thousand documents at least, so that a thousandth of them is one. */
export function rowsOfADocument(rows: number): number {
  return Math.max(1, Math.min(100, Math.floor(rows / 1_000)));
}

/** A document of a set, by its number. */
export interface DatasetDocument {
  id: string;
  collectionId: string;
  /** The part it belongs to; null for the rest, which only searches of everything meet. */
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

/** A row as the product would store it. */
export function chunkOf(
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
    ownerId: systemOwnerId,
    chunkIndex: index,
    // Of its place, so that two rows of a document that happen to be alike stay two.
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

/** The rows from `from` up to, not including, `to`, with their vectors. */
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

/** The row with this id. */
export function rowOf(id: string): number {
  return Number.parseInt(id.slice(-12), 16);
}

/** A UUID that depends on its number alone; larger numbers sort later, as those of the product do. */
function idOf(kind: number, number: number): string {
  return `00000000-${kind.toString(16)}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}
