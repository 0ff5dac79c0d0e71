import { chunkHashOf, contentHashOf, newId, type ReadingOptions } from '@millrace/contracts';

/** How documents are read in tests that do not care. */
export const testReading: ReadingOptions = { strategy: 'structure', maxTokens: 400, overlapTokens: 50, ocr: 'auto' };

/** Returns a unit vector that depends only on its arguments. */
export function unitVector(seed: number, dimensions = 768): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(seed * 12.9898 + (i + 1) * 78.233));
  const length = Math.hypot(...vector);
  return vector.map((component) => component / length);
}

/** Returns the row of a job chunk with this text. Its page has the number `index + 1`. */
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
