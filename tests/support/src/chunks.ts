import { chunkHashOf, contentHashOf, newId, type ReadingOptions } from '@millrace/contracts';

/** A unit vector of `dimensions` components that depends on `seed` alone. */
export function unitVector(seed: number, dimensions = 768): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(seed * 12.9898 + (i + 1) * 78.233));
  const length = Math.hypot(...vector);
  return vector.map((component) => component / length);
}

/** How documents are read where a test does not care. */
export const testReading: ReadingOptions = { strategy: 'structure', maxTokens: 400, overlapTokens: 50 };

/** A job chunk to insert, with this text; `index` is also its page. */
export function newJobChunk(index: number, text = `Text of chunk ${index}.`) {
  const contentHash = contentHashOf(text);
  return {
    id: newId(),
    chunkIndex: index,
    pageStart: index + 1,
    pageEnd: index + 1,
    hasOverlap: false,
    contentHash,
    chunkHash: chunkHashOf(contentHash, 0),
    payload: {
      text,
      tokenCount: 5,
      section: null,
      coordinates: [{ page: index + 1, x0: 0.1, y0: 0.1, x1: 0.9, y1: 0.2 }],
    },
  };
}
