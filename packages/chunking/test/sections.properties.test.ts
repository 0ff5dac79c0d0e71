import type { Chunk } from '@millrace/contracts';
import fc from 'fast-check';
import { type ChunkLine, type ChunkPage, chunkDocument, countTokens } from '../src';
import { pageOf } from './pages';

interface Section {
  level: number;
  /** For each paragraph, how many sentences it has. A section without paragraphs has only its heading. */
  paragraphs: number[];
}

const sections = fc.array(
  fc.record({
    level: fc.integer({ min: 1, max: 3 }),
    paragraphs: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 12 },
);

const titleOf = (index: number) => `Heading the ${'abcdefghijkl'[index]}`;

/** Divides the sections into pages at any line. Each paragraph names its section. Every third one is a row of a table. */
function pagesOf(given: readonly Section[], linesOnPage: number): ChunkPage[] {
  const lines: Partial<ChunkLine>[] = [];
  for (const [index, { level, paragraphs }] of given.entries()) {
    lines.push({ text: titleOf(index), x1: 0.4, headingLevel: level });
    for (const [number, sentences] of paragraphs.entries()) {
      lines.push({ text: paragraphOf(index, number, sentences), x1: 0.6 });
    }
  }
  const pages: ChunkPage[] = [];
  for (let from = 0; from < lines.length; from += linesOnPage) {
    const lastLine = `A wide line ends ${'abcdefghijklmnopqrstuvwxyz'[from % 26]}.`;
    pages.push(pageOf(pages.length + 1, [...lines.slice(from, from + linesOnPage), lastLine]));
  }
  return pages;
}

function paragraphOf(section: number, number: number, sentences: number): string {
  const tag = `[${section}.${number}]`;
  return number % 3 === 2
    ? `${tag}\t${'1,234\t'.repeat(sentences)}5`
    : `${tag} ${'So it says in all these words. '.repeat(sentences)}End.`;
}

/** Computes the path of each section from the levels. */
function pathsOf(given: readonly Section[]): string[] {
  const stack: { level: number; title: string }[] = [];
  return given.map(({ level }, index) => {
    while ((stack.at(-1)?.level ?? 0) >= level) {
      stack.pop();
    }
    stack.push({ level, title: titleOf(index) });
    return stack.map(({ title }) => title).join(' > ');
  });
}

/** Returns the sections of the paragraphs that begin in a text. */
function tagsOf(text: string): number[] {
  return [...text.matchAll(/\[(\d+)\.\d+\]/gu)].map((match) => Number(match[1]));
}

/** Checks that the paragraphs that begin in each chunk are all in the section that the chunk names. */
function expectOwnSections(chunks: readonly Chunk[], paths: readonly string[]): void {
  for (const { text, section } of chunks) {
    const named = new Set(tagsOf(text).map((tag) => paths[tag]));
    expect(named.size === 0 ? [section] : [...named]).toEqual([section]);
  }
}

/** The number of headings in a row that end with the heading of section `index`. */
function headingsInRow(given: readonly Section[], index: number): number {
  const before = given.slice(0, index);
  return index - before.findLastIndex(({ paragraphs }) => paragraphs.length > 0);
}

describe('When a document has sections', () => {
  const forAnySections = (check: (given: Section[], pages: ChunkPage[], maxTokens: number) => void) =>
    fc.assert(
      fc.property(
        sections,
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 40, max: 300 }),
        (given, linesOnPage, maxTokens) => check(given, pagesOf(given, linesOnPage), maxTokens),
      ),
      { numRuns: 150 },
    );

  test('then each chunk is in one section and names its path, and no chunk ends with a heading', () => {
    forAnySections((given, pages, maxTokens) => {
      const paths = pathsOf(given);
      const chunks = chunkDocument(pages, { maxTokens, overlapTokens: Math.floor(maxTokens / 4) });
      for (const { text, section, index } of chunks) {
        const tags = new Set(tagsOf(text));
        expect(tags.size).toBeLessThanOrEqual(1);
        for (const tag of tags) {
          expect(section).toBe(paths[tag]);
        }
        // A row of headings may be too long for one chunk. Then a chunk has headings only.
        if (index < chunks.length - 1 && /Heading the \w$/.test(text)) {
          expect(text).toMatch(/^(?:Heading the \w\s*)+$/);
        }
      }
    });
  });

  test('then each paragraph is whole in one chunk, if it fits there with its headings', () => {
    forAnySections((given, pages, maxTokens) => {
      const chunks = chunkDocument(pages, { maxTokens, overlapTokens: Math.floor(maxTokens / 4) });
      for (const [index, { paragraphs }] of given.entries()) {
        for (const [number, sentences] of paragraphs.entries()) {
          const text = paragraphOf(index, number, sentences);
          const headings = number > 0 ? 0 : headingsInRow(given, index);
          // A heading takes at most eight tokens.
          if (countTokens(text) + headings * 8 <= maxTokens) {
            expect(chunks.some((chunk) => chunk.text.includes(text))).toBe(true);
          }
        }
      }
    });
  });

  test('and an outline names them and pages are blank or missing, then each chunk is in one section and names its path', () => {
    fc.assert(
      fc.property(
        sections,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 40, max: 300 }),
        fc.infiniteStream(fc.constantFrom('given', 'given', 'blank', 'missing')),
        (given, linesOnPage, maxTokens, states) => {
          const paths = pathsOf(given);
          const all = pagesOf(given, linesOnPage);
          const outline = given.map(({ level }, index) => {
            const page = all.find(({ lines }) => lines.some(({ text }) => text === titleOf(index)));
            return { title: titleOf(index), level, page: page?.page ?? null };
          });
          const pages = all.flatMap((page) => {
            const state = states.next().value;
            const lines = page.lines.map(({ headingLevel, ...line }) => line);
            return state === 'missing' ? [] : [{ ...page, lines: state === 'blank' ? [] : lines }];
          });
          const options = { maxTokens, overlapTokens: Math.floor(maxTokens / 4), outline };
          // An outline with one entry does not replace the headings, which these pages do not mark.
          if (outline.length > 1) {
            expectOwnSections(chunkDocument(pages, options), paths);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('and only some pages are wanted, then their chunks name the same paths as in a full reading', () => {
    fc.assert(
      fc.property(
        sections,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 40, max: 300 }),
        fc.infiniteStream(fc.boolean()),
        (given, linesOnPage, maxTokens, choices) => {
          const paths = pathsOf(given);
          const pages = pagesOf(given, linesOnPage);
          const wanted = new Set(pages.map(({ page }) => page).filter(() => choices.next().value));
          const chunks = chunkDocument(pages, { maxTokens, overlapTokens: Math.floor(maxTokens / 4), wanted });
          expectOwnSections(chunks, paths);
          const tagged = (page: ChunkPage) => page.lines.flatMap(({ text }) => tagsOf(text));
          expect(new Set(chunks.flatMap(({ text }) => tagsOf(text)))).toEqual(
            new Set(pages.filter(({ page }) => wanted.has(page)).flatMap(tagged)),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
