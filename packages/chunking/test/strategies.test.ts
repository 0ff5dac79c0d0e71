import { type ChunkPage, chunkDocument, countTokens } from '../src';
import { pageOf } from './pages';

/** `count` sentences of nine words, each with its own number. */
function sentences(count: number, from = 0): string {
  return Array.from({ length: count }, (_, index) => `Sentence ${from + index} says a thing about the mill.`).join(' ');
}

const pages: ChunkPage[] = [1, 2, 3].map((page) =>
  pageOf(page, [
    { text: sentences(12, page * 100), x1: 0.5 },
    { text: `The heading on page number ${'abc'[page - 1]}`, fontSize: 16, x1: 0.4 },
    { text: sentences(page === 2 ? 60 : 5, page * 100 + 20), x1: 0.5 },
    `The wide end of page number ${'abc'[page - 1]}.`,
  ]),
);

describe('When the strategy is fixed', () => {
  test('then each chunk is filled to a word boundary and repeats the last words of the chunk before', () => {
    const options = { strategy: 'fixed', maxTokens: 100, overlapTokens: 10 } as const;
    const chunks = chunkDocument(pages, options);
    expect(chunks.length).toBeGreaterThan(8);
    for (const [index, { hasOverlap, tokenCount }] of chunks.entries()) {
      expect(hasOverlap).toBe(index > 0);
      expect(tokenCount).toBeLessThanOrEqual(100);
      if (index < chunks.length - 1) {
        expect(tokenCount).toBeGreaterThan(95);
      }
    }
    const words = pages.flatMap((page) => page.lines.flatMap((line) => line.text.split(' ')));
    const bare = chunkDocument(pages, { ...options, overlapTokens: 0 });
    expect(bare.flatMap((chunk) => chunk.text.split(/\s+/))).toEqual(words);
  });
});

describe('When the strategy is page', () => {
  test('then each page is a chunk with its own section, and a page that is too long becomes several chunks', () => {
    const chunks = chunkDocument(pages, { strategy: 'page', maxTokens: 400, overlapTokens: 50 });
    expect(chunks.map(({ pageStart, pageEnd }) => [pageStart, pageEnd])).toEqual([
      [1, 1],
      [2, 2],
      [2, 2],
      [3, 3],
    ]);
    expect(chunks.map(({ hasOverlap }) => hasOverlap)).toEqual([false, false, true, false]);
    expect(chunks[2]?.section).toBe('The heading on page number b');
  });
});

describe('When the strategy is structure', () => {
  const options = { strategy: 'structure', maxTokens: 100, overlapTokens: 20 } as const;

  test('then the chunks are the same as without a strategy', () => {
    const { strategy, ...others } = options;
    expect(chunkDocument(pages, others)).toEqual(chunkDocument(pages, options));
  });

  test('then each section begins a new chunk without overlap, and its later chunks keep its path', () => {
    const chunks = chunkDocument(pages, { ...options, maxTokens: 400, overlapTokens: 50 });
    expect(chunks.map(({ section, hasOverlap }) => [section, hasOverlap])).toEqual([
      [null, false],
      ['The heading on page number a', false],
      ['The heading on page number b', false],
      ['The heading on page number b', true],
      ['The heading on page number c', false],
    ]);
    expect(chunks[2]?.text).toMatch(/^The heading on page number b\n\nSentence 220/);
    expect(chunks[1]).toMatchObject({ pageStart: 1, pageEnd: 2 });
  });

  test('then a list that fits is kept whole, and otherwise each item is', () => {
    const list = (items: number) => [
      { text: sentences(5), x1: 0.5 },
      'The mill has, as all of us know, these parts:',
      ...Array.from({ length: items }, (_, index) => ({ text: `• ${sentences(1, index)}`, x1: 0.6 })),
      { text: sentences(5, 50), x1: 0.5 },
    ];
    const whole = chunkDocument([pageOf(1, list(5))], options);
    const items = Array.from({ length: 5 }, (_, index) => `• ${sentences(1, index)}`).join('\n\n');
    expect(whole.some(({ text }) => text.includes(`these parts:\n\n${items}`))).toBe(true);
    for (const { text } of chunkDocument([pageOf(1, list(30))], options)) {
      expect(text).toMatch(/(?:mill\.|parts:)$/);
    }
  });

  test('then no row of a table is cut, and a table that fits is kept whole', () => {
    const rows = (count: number, name: string) =>
      Array.from({ length: count }, (_, index) => ({ text: `${name} of row ${index}\t$ ${index},000\t(${index})` }));
    const short = rows(5, 'Costs');
    const long = rows(40, 'Revenue');
    const page = pageOf(1, [{ text: sentences(8), x1: 0.5 }, '', ...short, 'A text between them.', ...long]);
    const chunks = chunkDocument([page], { ...options, overlapTokens: 0 });
    expect(chunks.some(({ text }) => text.includes(short.map((row) => row.text).join('\n')))).toBe(true);
    const lines = chunks.flatMap(({ text }) => text.split('\n'));
    for (const { text } of long) {
      expect(lines).toContain(text);
    }
  });

  test('then a paragraph that fits is kept whole, even when that leaves less room for the overlap', () => {
    const paragraph = (from: number) => ({ text: sentences(10, from), x1: 0.5 });
    const size = countTokens(paragraph(100).text);
    const limits = { maxTokens: size + 12, overlapTokens: Math.floor(size / 2) };
    const page = pageOf(1, [paragraph(100), paragraph(200), paragraph(300), 'The wide end.']);
    const chunks = chunkDocument([page], { strategy: 'structure', ...limits });
    expect(chunks.map(({ text }) => text.includes(paragraph(200).text))).toContain(true);
    expect(chunks[1]?.text).toBe(`${sentences(1, 109)}\n\n${sentences(10, 200)}`);
  });

  test('then a paragraph that continues on the next page is one paragraph', () => {
    const first = pageOf(1, [sentences(2), 'The mill that stands beside']);
    const second = pageOf(2, [{ text: 'the river is old.', x1: 0.4 }, 'Another paragraph.']);
    const [chunk] = chunkDocument([first, second], options);
    expect(chunk?.text).toContain('The mill that stands beside the river is old.\n\nAnother paragraph.');
  });
});
