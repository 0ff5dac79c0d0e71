import { type ChunkMetadata, newId } from '@millrace/contracts';
import type { NewJobChunk } from '@millrace/database';
import type { ParsedDocument } from './parseProtocol';

/** Makes the job chunks of a document that was read, with everything that is stored beside their vectors. */
export function toJobChunks({
  title,
  pages,
  chunks,
}: Pick<ParsedDocument, 'title' | 'pages' | 'chunks'>): NewJobChunk[] {
  const labels = new Map(pages.map(({ page, label }) => [page, label]));
  return chunks.map((chunk) => {
    const { index, pageStart, pageEnd, hasOverlap, chunkHash, contentHash, blocks } = chunk;
    const { text, tokenCount, section, coordinates } = chunk;
    const metadata: ChunkMetadata = {
      ...(title ? { title } : {}),
      ...labelMember('page_label_start', labels.get(pageStart)),
      ...labelMember('page_label_end', labels.get(pageEnd)),
      blocks,
    };
    return {
      id: newId(),
      chunkIndex: index,
      pageStart,
      pageEnd,
      hasOverlap,
      chunkHash,
      contentHash,
      payload: { text, tokenCount, section, coordinates, metadata },
    };
  });
}

function labelMember(name: 'page_label_start' | 'page_label_end', label: string | null | undefined): ChunkMetadata {
  return label ? { [name]: label } : {};
}
