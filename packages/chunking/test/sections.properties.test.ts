import fc from 'fast-check';
import { type ChunkLine, type ChunkPage, chunkDocument, countTokens } from '../src';
import { pageOf } from './pages';

interface Section {
  level: number;
  /** Sentences in each paragraph; 0 is a section without text. */
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

/** Paragraphs that each tell their section, on pages that break anywhere. */
function pagesOf(given: readonly Section[], linesOnPage: number): ChunkPage[] {
  const lines: Partial<ChunkLine>[] = [];
  for (const [index, { level, paragraphs }] of given.entries()) {
    lines.push({ text: titleOf(index), x1: 0.4, headingLevel: level });
    for (const [number, sentences] of paragraphs.entries()) {
      lines.push({ text: `[${index}.${number}] ${'So it says in all these words. '.repeat(sentences)}End.`, x1: 0.6 });
    }
  }
  const pages: ChunkPage[] = [];
  for (let at = 0; at < lines.length; at += linesOnPage) {
    pages.push(
      pageOf(pages.length + 1, [
        ...lines.slice(at, at + linesOnPage),
        `A wide line ends ${'abcdefghijklmnopqrstuvwxyz'[at % 26]}.`,
      ]),
    );
  }
  return pages;
}

/** The path of each section, from the levels. */
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

  test('then no chunk crosses one, each names its path, and no heading is the last of a chunk', () => {
    forAnySections((given, pages, maxTokens) => {
      const paths = pathsOf(given);
      const chunks = chunkDocument(pages, { maxTokens, overlapTokens: Math.floor(maxTokens / 4) });
      for (const { text, section, index } of chunks) {
        const tags = new Set([...text.matchAll(/\[(\d+)\.\d+\]/gu)].map((match) => Number(match[1])));
        expect(tags.size).toBeLessThanOrEqual(1);
        for (const tag of tags) {
          expect(section).toBe(paths[tag]);
        }
        // Headings alone make a chunk only where more follow each other than fit into one.
        if (index < chunks.length - 1 && /Heading the \w$/.test(text)) {
          expect(text).toMatch(/^(?:Heading the \w\s*)+$/);
        }
      }
    });
  });

  test('then each paragraph that fits beside its headings is whole in one chunk', () => {
    forAnySections((given, pages, maxTokens) => {
      const chunks = chunkDocument(pages, { maxTokens, overlapTokens: Math.floor(maxTokens / 4) });
      for (const [index, { paragraphs }] of given.entries()) {
        for (const [number, sentences] of paragraphs.entries()) {
          const text = `[${index}.${number}] ${'So it says in all these words. '.repeat(sentences)}End.`;
          const before = given.slice(0, index).reverse();
          const bare = before.findIndex((section) => section.paragraphs.length > 0);
          const headings = number > 0 ? 0 : (bare < 0 ? before.length : bare) + 1;
          if (countTokens(text) + headings * 8 <= maxTokens) {
            expect(chunks.some((chunk) => chunk.text.includes(text))).toBe(true);
          }
        }
      }
    });
  });
});
