import { contentHashOf, newId } from '@millrace/contracts';
import { type Database, type NewDocumentChunk, systemOwnerId } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import type { Client } from 'pg';
import { Prose } from '../prose';
import { takeVectorIndex } from './layouts';

const collectionCount = 32;
const chunksOfADocument = 50;
const wordsOfAChunk = 150;

export interface Source {
  collectionIds: string[];
  documentIds: string[];
  /** Of the rows in document_chunks, in the order in which they are to be inserted. */
  chunkIds: string[];
  contentHashes: string[];
  /** What the vector index of document_chunks was, from USING on: see takeVectorIndex. */
  vectorIndex: string;
}

/**
 * Fills document_chunks, whose vector index is dropped before, with passages of 150 words and their vectors, in 32
 * collections of one size.
 */
export async function fillSource(
  client: Client,
  database: Database,
  provider: EmbeddingProvider,
  rows: number,
): Promise<Source> {
  const vectorIndex = await takeVectorIndex(client);
  const collectionIds = Array.from({ length: collectionCount }, newId);
  await client.query('INSERT INTO collections (id, owner_id, name) SELECT id, $2, id FROM unnest($1::uuid[]) AS id', [
    collectionIds,
    systemOwnerId,
  ]);
  const source: Source = { collectionIds, documentIds: [], chunkIds: [], contentHashes: [], vectorIndex };
  const prose = new Prose(1);
  for (let n = 0; n < Math.ceil(rows / chunksOfADocument); n += 1) {
    const documentId = newId();
    const collectionId = collectionIds[n % collectionCount] ?? '';
    const texts = Array.from({ length: chunksOfADocument }, () => prose.passage(wordsOfAChunk));
    const vectors = await provider.embed(texts);
    const chunks = texts.map(
      (content, index): NewDocumentChunk => ({
        id: newId(),
        documentId,
        collectionId,
        ownerId: systemOwnerId,
        chunkIndex: index,
        chunkHash: contentHashOf(content),
        contentHash: contentHashOf(content),
        content,
        tokenCount: 200,
        pageStart: index + 1,
        pageEnd: index + 1,
        section: null,
        coordinates: [],
        embedding: vectors[index] ?? new Float32Array(provider.dimensions),
        embeddingModel: provider.model,
      }),
    );
    await database.documents.insertIfNew({
      id: documentId,
      collectionId: collectionId,
      ownerId: systemOwnerId,
      filename: 'bench.pdf',
      sourcePath: null,
      contentHash: contentHashOf(documentId),
      mimeType: 'application/pdf',
      sizeBytes: 1,
    });
    await database.transaction((session) => session.documentChunks.upsertAll(chunks));
    source.documentIds.push(documentId);
    source.chunkIds.push(...chunks.map((chunk) => chunk.id));
    source.contentHashes.push(...chunks.map((chunk) => chunk.contentHash));
  }
  return source;
}
