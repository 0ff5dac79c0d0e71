import { type ChunkLine, type ChunkPage, chunkDocument, DocumentChunker } from '../src';
import { pageOf } from './pages';

const limits = { maxTokens: 400, overlapTokens: 0 };
const letters = 'abcdefghijklmnopqrstuvwxyz';

/** Text that is different on each page. */
function bodyOf(page: number): Partial<ChunkLine>[] {
  return Array.from({ length: 6 }, (_, index) => {
    const word = letters[(page * 7 + index) % 26]?.repeat(3 + index + (page % 5));
    return { text: `The ${word} says on page ${page} what line ${index} says.`, x1: 0.9 };
  });
}

/** `count` pages of text with these lines above and below it, at a distance. */
function framed(
  count: number,
  above: (page: number) => (string | Partial<ChunkLine>)[],
  below: (page: number) => (string | Partial<ChunkLine>)[] = () => [],
): ChunkPage[] {
  return Array.from({ length: count }, (_, index) => {
    const page = pageOf(index + 1, [...above(index + 1), ...bodyOf(index + 1), ...below(index + 1)]);
    const shift = (index + 1) % 3 === 0 ? 0.1 : 0.2;
    const lines = page.lines.map((line, at) => {
      const offset = at < above(index + 1).length ? 0 : at < page.lines.length - below(index + 1).length ? 0.05 : shift;
      return { ...line, y0: line.y0 + offset, y1: line.y1 + offset };
    });
    return { ...page, lines };
  });
}

function readOf(pages: readonly ChunkPage[]) {
  const leftOut: string[] = [];
  const onLeftOut = (page: number, line: ChunkLine) => leftOut.push(`${page}: ${line.text}`);
  const text = chunkDocument(pages, { ...limits, onLeftOut })
    .map((chunk) => chunk.text)
    .join('\n\n');
  return { text, leftOut };
}

describe('When pages have running headers and footers', () => {
  test('then no chunk contains them, and the text between them stays', () => {
    const pages = framed(
      12,
      () => ['ACME Annual Report 2023', { text: 'Table of Contents', x1: 0.3 }],
      (page) => [{ text: `Page ${page} of 12`, x1: 0.3 }],
    );
    const { text, leftOut } = readOf(pages);
    expect(text).not.toMatch(/ACME|Contents|of 12/);
    expect(leftOut).toHaveLength(36);
    for (const { text: line } of pages.flatMap((page) => bodyOf(page.page))) {
      expect(text).toContain(line);
    }
  });

  test.each([
    ['a bare number', (page: number) => `${page + 2}`],
    ['a number between dashes', (page: number) => `- ${page} -`],
    ['a roman number', (page: number) => ['i', 'ii', 'iii', 'iv', 'v', 'vi', 'vii', 'viii', 'ix'][page - 1] ?? ''],
    ['a number of an annex', (page: number) => `F-${page}`],
    ['a title and a number', (page: number) => `ACME Corp.\t${page}`],
    ['a number and a title', (page: number) => `${page} ACME Annual Report`],
    ['a title that ends with a number', (page: number) => `ACME Annual Report ${page}`],
    ['a word and a number', (page: number) => `Mills ${page}`],
    ['a number alone where a chapter begins', (page: number) => (page === 4 ? '4' : `Mills\t${page}`)],
  ])('and the page number is %s, then it is left out', (_what, footer) => {
    const pages = framed(
      9,
      () => [],
      (page) => [{ text: footer(page), x1: 0.3 }],
    );
    expect(readOf(pages).leftOut).toEqual(pages.map(({ page }) => `${page}: ${footer(page)}`));
  });

  test('and left and right pages have different ones, then both are left out', () => {
    const header = (page: number) => (page % 2 === 0 ? 'The Mill' : 'Chapter of wheels');
    const { leftOut } = readOf(framed(10, (page) => [header(page)]));
    expect(leftOut).toHaveLength(10);
  });

  test('and each chapter has its own, then it is left out, but the larger title of the chapter stays', () => {
    const header = (page: number) => (page <= 6 ? 'The Mill' : 'The Wheel');
    const pages = framed(12, (page) => [
      page === 1 || page === 7 ? { text: header(page), fontSize: 20, bold: true, x1: 0.4 } : header(page),
    ]);
    const { leftOut } = readOf(pages);
    expect(leftOut).toHaveLength(10);
    expect(leftOut).not.toContain('1: The Mill');
    expect(leftOut).not.toContain('7: The Wheel');
  });

  test('and there are only two pages, then nothing is left out', () => {
    const pages = framed(
      2,
      () => ['ACME Annual Report 2023'],
      (page) => [`Page ${page} of 2`],
    );
    expect(readOf(pages).leftOut).toEqual([]);
  });

  test('and a line is repeated on a few distant pages, then it is text', () => {
    const pages = framed(24, (page) => (page % 6 === 0 ? ['Chief Executive Officer'] : []));
    expect(readOf(pages).leftOut).toEqual([]);
  });

  test('and each page begins with the next of numbered headings, then the headings are text', () => {
    const { text, leftOut } = readOf(framed(8, (page) => [`Exhibit ${page}`]));
    expect(leftOut).toEqual([]);
    expect(text).toContain('Exhibit 5');
  });

  test('and a table continues over pages, then its header row stays', () => {
    const rows = (page: number) => Array.from({ length: 8 }, (_, row) => `Mill ${page}${row}\t${page * row}\t${row}`);
    const headers = ['($ in millions)\t2022\t2023', { text: 'Year ended June 30', x1: 0.5 }];
    for (const header of headers) {
      const pages = Array.from({ length: 9 }, (_, index) => pageOf(index + 1, [header, ...rows(index + 1)]));
      expect(readOf(pages).leftOut).toEqual([]);
    }
  });

  test('and the header has three rows, then all of them are left out', () => {
    const header = ['ACME', { text: 'Annual Report', bold: true }, { text: 'Notes (continued)', x1: 0.4 }];
    expect(readOf(framed(5, () => header)).leftOut).toHaveLength(15);
  });

  test('and pages end or begin with the same lines of a paragraph, then these lines are text', () => {
    const same = ['The mill turns and turns', 'as it has always done.'];
    const ends = Array.from({ length: 9 }, (_, index) => pageOf(index + 1, [...bodyOf(index + 1), ...same]));
    const begins = Array.from({ length: 9 }, (_, index) => pageOf(index + 1, [...same, ...bodyOf(index + 1)]));
    expect([...readOf(ends).leftOut, ...readOf(begins).leftOut]).toEqual([]);
  });

  test('and whole pages are repeated, then they are text', () => {
    for (const lines of [['The same.'], ['The same', 'again.'], Array.from({ length: 30 }, (_, at) => `Line ${at}`)]) {
      const pages = Array.from({ length: 6 }, (_, index) => pageOf(index + 1, lines));
      expect(readOf(pages).leftOut).toEqual([]);
    }
  });

  test('and the layout is unknown, then nothing is left out', () => {
    const place = { x0: 0, y0: 0, x1: 1, y1: 1, fontSize: 10, bold: false };
    const pages = Array.from({ length: 6 }, (_, index) => ({
      page: index + 1,
      width: 0,
      height: 0,
      lines: ['ACME', `Text of ${index}.`, `${index + 1}`].map((text) => ({ text, ...place })),
    }));
    expect(readOf(pages).leftOut).toEqual([]);
  });
});

test('When a document has 5,000 pages, then chunks come at most twenty pages after their page', () => {
  const chunker = new DocumentChunker(limits);
  let last = 0;
  for (let number = 1; number <= 5000; number++) {
    const [page] = framed(1, () => ['ACME Annual Report']);
    const chunks = chunker.addPage({ ...page, width: 612, height: 792, page: number, lines: page?.lines ?? [] });
    last = chunks.at(-1)?.pageEnd ?? last;
    expect(number - last).toBeLessThan(20);
  }
  expect(chunker.finish().at(-1)?.pageEnd).toBe(5000);
});
