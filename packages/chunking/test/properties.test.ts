import { type Chunk, chunkHashOf, contentHashOf } from '@millrace/contracts';
import fc from 'fast-check';
import { type ChunkLine, type ChunkOptions, type ChunkPage, chunkDocument, countTokens, DocumentChunker } from '../src';
import { reachOf, squeeze } from './coverage';
import { documents } from './pages';

const limits = fc
  .record({ maxTokens: fc.integer({ min: 16, max: 400 }), share: fc.double({ min: 0, max: 0.5, noNaN: true }) })
  .map(({ maxTokens, share }) => ({ maxTokens, overlapTokens: Math.floor(maxTokens * share) }));

const strategies = fc.constantFrom('structure', 'fixed', 'page');

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

describe('When any document is chunked', () => {
  const forAnyDocument = (
    check: (pages: ChunkPage[], chunks: Chunk[], options: ChunkOptions, leftOut: Set<ChunkLine>) => void,
  ) =>
    fc.assert(
      fc.property(documents, strategies, limits, outlines, (pages, strategy, { maxTokens, overlapTokens }, outline) => {
        const options = { strategy, maxTokens, overlapTokens, ...(outline === undefined ? {} : { outline }) };
        const leftOut = new Set<ChunkLine>();
        const onLeftOut = (_page: number, line: ChunkLine) => leftOut.add(line);
        check(pages, chunkDocument(pages, { ...options, onLeftOut }), options, leftOut);
      }),
      { numRuns: 150 },
    );

  test('then every character, except those of running lines, is in exactly one chunk outside of overlaps, in order', () => {
    forAnyDocument((pages, chunks, _options, leftOut) => {
      const kept = pages.flatMap((page) => page.lines.filter((line) => !leftOut.has(line)));
      const all = squeeze(kept.map((line) => line.text).join(''));
      let reached = new Set([0]);
      for (const [index, chunk] of chunks.entries()) {
        reached = reachOf(chunks[index - 1], chunk, reached, all);
      }
      expect(reached).toContain(all.length);
    });
  });

  test('then documents of two pages lose nothing, and no page loses all of its text', () => {
    forAnyDocument((pages, _chunks, _options, leftOut) => {
      if (pages.length < 3) {
        expect(leftOut.size).toBe(0);
      }
      for (const { lines } of pages) {
        const texts = lines.filter(({ text }) => text.trim() !== '');
        expect(texts.length === 0 || texts.some((line) => !leftOut.has(line))).toBe(true);
      }
    });
  });

  test('then no chunk contains text of two pages when the strategy is page', () => {
    forAnyDocument((_pages, chunks, { strategy }) => {
      for (const { pageStart, pageEnd } of strategy === 'page' ? chunks : []) {
        expect(pageStart).toBe(pageEnd);
      }
    });
  });

  test('then no chunk is empty or over the limit, and its token count is exact', () => {
    forAnyDocument((_pages, chunks, { maxTokens }) => {
      for (const { text, tokenCount } of chunks) {
        expect(text.trim()).not.toBe('');
        expect(text).toBe(text.trimEnd());
        expect(tokenCount).toBe(countTokens(text));
        expect(tokenCount).toBeLessThanOrEqual(maxTokens);
      }
    });
  });

  test('then indices and pages are in order, and boxes are inside their pages', () => {
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

  test('then the chunk hashes of equal texts differ by their occurrence only', () => {
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

  test('then doing it again or page by page gives the same chunks', () => {
    forAnyDocument((pages, chunks, options) => {
      const chunker = new DocumentChunker(options);
      const streamed = [...pages.flatMap((page) => chunker.addPage(page)), ...chunker.finish()];
      expect(streamed).toEqual(chunks);
      expect(chunkDocument(pages, options)).toEqual(chunks);
    });
  });
});
