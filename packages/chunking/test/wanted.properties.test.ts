import type { Chunk } from '@millrace/contracts';
import fc from 'fast-check';
import { type ChunkLine, type ChunkOptions, type ChunkPage, chunkDocument, countTokens, DocumentChunker } from '../src';
import { reachOf, squeeze } from './coverage';
import { documents } from './pages';

/** For each page of a document: wanted, given for context only, or not given. */
const pageStates = fc.array(fc.constantFrom('wanted', 'wanted', 'context', 'missing'), { minLength: 6, maxLength: 6 });

interface Given {
  /** The pages that are given. */
  pages: ChunkPage[];
  wanted: Set<number>;
  options: ChunkOptions;
  leftOut: Set<ChunkLine>;
  chunks: Chunk[];
}

describe('When only some pages of any document are wanted', () => {
  const forAnyPages = (check: (given: Given) => void) =>
    fc.assert(
      fc.property(
        documents,
        pageStates,
        fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
        fc.constantFrom('structure', 'fixed', 'page'),
        fc.integer({ min: 16, max: 200 }),
        (all, states, missingAreWanted, strategy, maxTokens) => {
          const pages = all.filter((_, index) => states[index] !== 'missing');
          const wanted = new Set(
            all
              .filter(
                (_, index) => states[index] === 'wanted' || (states[index] === 'missing' && missingAreWanted[index]),
              )
              .map(({ page }) => page),
          );
          const leftOut = new Set<ChunkLine>();
          const onLeftOut = (_page: number, line: ChunkLine) => leftOut.add(line);
          const options = { strategy, maxTokens, overlapTokens: maxTokens >> 2, wanted };
          check({ pages, wanted, options, leftOut, chunks: chunkDocument(pages, { ...options, onLeftOut }) });
        },
      ),
      { numRuns: 150 },
    );

  test('then their characters, except those of running lines, are in one chunk each outside of overlaps, in order', () => {
    forAnyPages(({ pages, wanted, leftOut, chunks }) => {
      const kept = pages.filter(({ page }) => wanted.has(page)).flatMap(({ lines }) => lines);
      const all = squeeze(
        kept
          .filter((line) => !leftOut.has(line))
          .map(({ text }) => text)
          .join(''),
      );
      let reached = new Set([0]);
      for (const [index, chunk] of chunks.entries()) {
        reached = reachOf(chunks[index - 1], chunk, reached, all);
      }
      expect(reached).toContain(all.length);
      expect([...leftOut].every((line) => kept.includes(line))).toBe(true);
    });
  });

  test('then no chunk contains or spans another page or exceeds the limit', () => {
    forAnyPages(({ wanted, options, chunks }) => {
      for (const { text, tokenCount, pageStart, pageEnd, coordinates } of chunks) {
        for (let page = pageStart; page <= pageEnd; page++) {
          expect(wanted).toContain(page);
        }
        expect(coordinates.every(({ page }) => page >= pageStart && page <= pageEnd)).toBe(true);
        expect(tokenCount).toBe(countTokens(text));
        expect(tokenCount).toBeLessThanOrEqual(options.maxTokens);
      }
    });
  });

  test('then no overlap reaches across another page', () => {
    forAnyPages(({ wanted, chunks }) => {
      for (const [index, { pageStart, hasOverlap }] of chunks.entries()) {
        const last = chunks[index - 1]?.pageEnd ?? pageStart;
        const skipsPage = Array.from({ length: pageStart - last }, (_, at) => last + at).some(
          (page) => !wanted.has(page),
        );
        expect(hasOverlap && skipsPage).toBe(false);
      }
      expect(chunks[0]?.hasOverlap ?? false).toBe(false);
    });
  });

  test('then the same lines are left out as when all pages are wanted', () => {
    forAnyPages(({ pages, wanted, options, leftOut }) => {
      const ofAll: ChunkLine[] = [];
      const onLeftOut = (page: number, line: ChunkLine) => {
        if (wanted.has(page)) {
          ofAll.push(line);
        }
      };
      chunkDocument(pages, { ...options, wanted: null, onLeftOut });
      expect([...leftOut]).toEqual(ofAll);
    });
  });

  test('then page by page gives the same chunks, and wanting every page gives the same as null', () => {
    forAnyPages(({ pages, options, chunks }) => {
      const chunker = new DocumentChunker(options);
      expect([...pages.flatMap((page) => chunker.addPage(page)), ...chunker.finish()]).toEqual(chunks);
      const all = new Set([1, 2, 3, 4, 5, 6]);
      expect(chunkDocument(pages, { ...options, wanted: all })).toEqual(
        chunkDocument(pages, { ...options, wanted: null }),
      );
    });
  });
});
