import { type Chunk, chunkHashOf, contentHashOf } from '@millrace/contracts';
import fc from 'fast-check';
import { type ChunkPage, chunkDocument, countTokens, DocumentChunker } from '../src';
import { documents } from './pages';

const limits = fc
  .record({ maxTokens: fc.constantFrom(16, 40, 100, 400), share: fc.double({ min: 0, max: 0.5, noNaN: true }) })
  .map(({ maxTokens, share }) => ({ maxTokens, overlapTokens: Math.floor(maxTokens * share) }));

const outlines = fc.option(
  fc.array(
    fc.record({
      title: fc.constantFrom('Item 7. Risks', 'Somewhere', 'Net income'),
      level: fc.integer({ min: 1, max: 3 }),
      page: fc.option(fc.integer({ min: 1, max: 5 })),
    }),
    { maxLength: 5 },
  ),
  { nil: undefined },
);

const squeeze = (text: string) => text.replace(/\s+/gu, '');
const textOf = (pages: readonly ChunkPage[]) => pages.flatMap((page) => page.lines.map((line) => line.text));

/**
 * How far into `all` the chunk may reach when the chunks before it reach to one of `reached`: what it repeats of the
 * chunk before is not told, and repetitive text can be read in several ways.
 */
function reachOf(before: Chunk | undefined, chunk: Chunk, reached: ReadonlySet<number>, all: string): Set<number> {
  const text = squeeze(chunk.text);
  const end = squeeze(before?.text ?? '');
  const reach = new Set<number>();
  for (const from of reached) {
    const longest = chunk.hasOverlap ? Math.min(end.length, text.length - 1) : 0;
    for (let length = chunk.hasOverlap ? 1 : 0; length <= longest; length++) {
      if (end.endsWith(text.slice(0, length)) && all.startsWith(text.slice(length), from)) {
        reach.add(from + text.length - length);
      }
    }
  }
  return reach;
}

describe('When any document is chunked', () => {
  const forAnyDocument = (check: (pages: ChunkPage[], chunks: Chunk[], maxTokens: number) => void) =>
    fc.assert(
      fc.property(documents, limits, outlines, (pages, { maxTokens, overlapTokens }, outline) => {
        const options = { maxTokens, overlapTokens, ...(outline === undefined ? {} : { outline }) };
        check(pages, chunkDocument(pages, options), maxTokens);
      }),
      { numRuns: 150 },
    );

  test('then every character stands in exactly one chunk outside the overlaps, in order', () => {
    forAnyDocument((pages, chunks) => {
      const all = squeeze(textOf(pages).join(''));
      let reached = new Set([0]);
      for (const [index, chunk] of chunks.entries()) {
        reached = reachOf(chunks[index - 1], chunk, reached, all);
      }
      expect(reached).toContain(all.length);
    });
  });

  test('then no chunk is empty or over the limit, and its tokens are counted right', () => {
    forAnyDocument((_pages, chunks, maxTokens) => {
      for (const { text, tokenCount } of chunks) {
        expect(text.trim()).not.toBe('');
        expect(text).toBe(text.trim());
        expect(tokenCount).toBe(countTokens(text));
        expect(tokenCount).toBeLessThanOrEqual(maxTokens);
      }
    });
  });

  test('then indices, pages and boxes are in order and inside the page', () => {
    forAnyDocument((pages, chunks) => {
      let page = 1;
      for (const [index, chunk] of chunks.entries()) {
        expect(chunk.index).toBe(index);
        expect(chunk.pageEnd).toBeGreaterThanOrEqual(page);
        page = chunk.pageEnd;
        expect(chunk.pageStart).toBe(chunk.coordinates.at(0)?.page);
        expect(chunk.pageEnd).toBe(chunk.coordinates.at(-1)?.page);
        for (const box of chunk.coordinates) {
          expect(pages.map((each) => each.page)).toContain(box.page);
          expect(0 <= box.x0 && box.x0 <= box.x1 && box.x1 <= 1).toBe(true);
          expect(0 <= box.y0 && box.y0 <= box.y1 && box.y1 <= 1).toBe(true);
        }
      }
    });
  });

  test('then hashes tell equal texts apart by their occurrence only', () => {
    forAnyDocument((_pages, chunks) => {
      const seen = new Map<string, number>();
      for (const { text, contentHash, chunkHash } of chunks) {
        const occurrence = seen.get(contentHash) ?? 0;
        seen.set(contentHash, occurrence + 1);
        expect(contentHash).toBe(contentHashOf(text));
        expect(chunkHash).toBe(chunkHashOf(contentHash, occurrence));
      }
      expect(new Set(chunks.map((chunk) => chunk.chunkHash)).size).toBe(chunks.length);
    });
  });

  test('then doing it again, or page by page, gives the same chunks', () => {
    forAnyDocument((pages, _chunks, maxTokens) => {
      const options = { maxTokens, overlapTokens: Math.floor(maxTokens / 8) };
      const chunker = new DocumentChunker(options);
      const streamed = [...pages.flatMap((page) => chunker.addPage(page)), ...chunker.finish()];
      expect(streamed).toEqual(chunkDocument(pages, options));
    });
  });
});
