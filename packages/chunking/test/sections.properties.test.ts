import fc from 'fast-check';
import { type ChunkLine, type ChunkPage, chunkDocument, countTokens } from '../src';
import { pageOf } from './pages';

interface Section {
  level: number;
  /** The number of sentences of each paragraph. A section without paragraphs has no text. */
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

/** Pages that break anywhere. Each paragraph names its section; every third paragraph is a row of a table. */
function pagesOf(given: readonly Section[], linesOnPage: number): ChunkPage[] {
  const lines: Partial<ChunkLine>[] = [];
  for (const [index, { level, paragraphs }] of given.entries()) {
    lines.push({ text: titleOf(index), x1: 0.4, headingLevel: level });
    for (const [number, sentences] of paragraphs.entries()) {
      lines.push({ text: paragraphOf(index, number, sentences), x1: 0.6 });
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

function paragraphOf(section: number, number: number, sentences: number): string {
  const tag = `[${section}.${number}]`;
  return number % 3 === 2
    ? `${tag}\t${'1,234\t'.repeat(sentences)}5`
    : `${tag} ${'So it says in all these words. '.repeat(sentences)}End.`;
}

/** The path of each section, computed from the levels. */
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

/** The sections of the paragraphs that begin in a text. */
function tagsOf(text: string): number[] {
  return [...text.matchAll(/\[(\d+)\.\d+\]/gu)].map((match) => Number(match[1]));
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
        // Only when a row of headings is too long for one chunk, headings alone are a chunk.
        if (index < chunks.length - 1 && /Heading the \w$/.test(text)) {
          expect(text).toMatch(/^(?:Heading the \w\s*)+$/);
        }
      }
    });
  });

  test('then each paragraph that fits together with its headings is whole in one chunk', () => {
    forAnySections((given, pages, maxTokens) => {
      const chunks = chunkDocument(pages, { maxTokens, overlapTokens: Math.floor(maxTokens / 4) });
      for (const [index, { paragraphs }] of given.entries()) {
        for (const [number, sentences] of paragraphs.entries()) {
          const text = paragraphOf(index, number, sentences);
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

  test('and an outline names them and pages are blank or missing, then each chunk is in one section and names its path', () => {
    fc.assert(
      fc.property(
        sections,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 40, max: 300 }),
        fc.infiniteStream(fc.constantFrom('given', 'given', 'blank', 'missing')),
        (given, linesOnPage, maxTokens, fates) => {
          const paths = pathsOf(given);
          const all = pagesOf(given, linesOnPage);
          const outline = given.map(({ level }, index) => {
            const at = all.find(({ lines }) => lines.some(({ text }) => text === titleOf(index)));
            return { title: titleOf(index), level, page: at?.page ?? null };
          });
          const pages = all.flatMap((page) => {
            const fate = fates.next().value;
            const lines = page.lines.map(({ headingLevel, ...line }) => line);
            return fate === 'missing' ? [] : [{ ...page, lines: fate === 'blank' ? [] : lines }];
          });
          const options = { maxTokens, overlapTokens: Math.floor(maxTokens / 4), outline };
          // The only entry of an outline does not replace the headings.
          for (const { text, section } of outline.length > 1 ? chunkDocument(pages, options) : []) {
            expect([[], [section]]).toContainEqual([...new Set(tagsOf(text).map((tag) => paths[tag]))]);
          }
        },
      ),
      { numRuns: 300 },
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
          for (const { text, section } of chunks) {
            expect([[], [section]]).toContainEqual([...new Set(tagsOf(text).map((tag) => paths[tag]))]);
          }
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
