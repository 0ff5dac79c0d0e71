import { chunkDocument } from '../src';
import { pageOf } from './pages';

const limits = { maxTokens: 400, overlapTokens: 50 };

/** `count` sentences of nine words, each with its own number. */
function sentences(count: number, from = 0): string {
  return Array.from({ length: count }, (_, index) => `Sentence ${from + index} says a thing about the mill.`).join(' ');
}

describe('When a document is chunked', () => {
  test('and it is empty, then there are no chunks', () => {
    expect(chunkDocument([], limits)).toEqual([]);
    expect(chunkDocument([pageOf(1, []), pageOf(2, ['', ' \t '])], limits)).toEqual([]);
  });

  test('and it is short, then all its paragraphs are one chunk', () => {
    const [chunk, ...others] = chunkDocument(
      [pageOf(1, ['The first paragraph goes on', { text: 'and ends.', x1: 0.3 }, { text: 'The second.', x1: 0.3 }])],
      limits,
    );
    expect(others).toEqual([]);
    expect(chunk).toMatchObject({
      index: 0,
      text: 'The first paragraph goes on and ends.\n\nThe second.',
      pageStart: 1,
      pageEnd: 1,
      hasOverlap: false,
      section: null,
    });
    expect(chunk?.coordinates).toHaveLength(2);
  });

  test('and a paragraph is too long for one chunk, then chunks and overlaps begin and end at sentences', () => {
    const text = sentences(120);
    const chunks = chunkDocument([pageOf(1, [text])], limits);
    expect(chunks.length).toBeGreaterThan(2);
    for (const chunk of chunks) {
      expect(chunk.text).toMatch(/^Sentence \d+ says/);
      expect(chunk.text).toMatch(/about the mill\.$/);
      expect(chunk.hasOverlap).toBe(chunk.index > 0);
    }
    const [first, second] = chunks;
    const repeated = second?.text.split('. ')[0] ?? '-';
    expect(first?.text).toContain(repeated);
  });

  test('and its paragraphs do not all fit, then the chunk ends between two paragraphs', () => {
    const paragraph = (from: number) => ({ text: sentences(15, from), x1: 0.5 });
    const chunks = chunkDocument([pageOf(1, [paragraph(0), paragraph(100), paragraph(200), 'The wide end.'])], limits);
    expect(chunks[0]?.text).toBe(`${sentences(15, 0)}\n\n${sentences(15, 100)}`);
    expect(chunks[1]?.text.endsWith(`${sentences(15, 200)}\n\nThe wide end.`)).toBe(true);
  });

  test('and it has a table, then each row keeps its line and its cells', () => {
    const rows = ['Revenue\t$ 1,234\t$ 999', 'Costs\t56\t44', { text: 'Other items:', x1: 0.3 }, 'Taxes\t(7)\t(6)'];
    const [chunk] = chunkDocument([pageOf(1, rows)], limits);
    expect(chunk?.text).toBe('Revenue\t$ 1,234\t$ 999\nCosts\t56\t44\nOther items:\nTaxes\t(7)\t(6)');
    expect(chunk?.coordinates).toHaveLength(1);
  });

  test('and it has code, then the white space of each line is kept, and an empty line stays empty', () => {
    const box = { x0: 0, y0: 0, x1: 0, y1: 0 };
    const code = ['def turn(mill):', '    if  mill:', '\t\treturn 1', '', '  # end'];
    const lines = code.map((text) => ({ ...box, text, preformatted: true }));
    const [chunk] = chunkDocument([pageOf(1, [{ ...box, text: 'As follows:' }, ...lines])], limits);
    expect(chunk?.text).toBe('As follows:\n\ndef turn(mill):\n    if  mill:\n\t\treturn 1\n\n  # end');
    expect(chunk?.blocks).toEqual(['paragraph', 'code']);
    const second = chunkDocument([pageOf(1, lines.slice(1))], limits)[0];
    expect(second?.text.startsWith('    if  mill:')).toBe(true);
  });

  test('and it has a table with empty cells, then a tab stands for each of them', () => {
    const rows = ['\t2023\t2022', 'Revenue\t\t999'];
    expect(chunkDocument([pageOf(1, rows)], limits)[0]?.text).toBe('\t2023\t2022\nRevenue\t\t999');
  });

  test('and a page is repeated, then each copy has its own chunks', () => {
    const pages = [1, 2].map((page) => pageOf(page, [sentences(40)]));
    const chunks = chunkDocument(pages, { maxTokens: 400, overlapTokens: 0 });
    const equal = chunks.filter((chunk) => chunk.contentHash === chunks[0]?.contentHash);
    expect(equal.length).toBeGreaterThan(1);
    expect(new Set(equal.map((chunk) => chunk.chunkHash)).size).toBe(equal.length);
  });

  test('and a chunk begins on one page and ends on the next, then it names both pages', () => {
    const [chunk] = chunkDocument([pageOf(3, ['Begins here.']), pageOf(4, ['Ends here.'])], limits);
    expect(chunk).toMatchObject({ pageStart: 3, pageEnd: 4, coordinates: [{ page: 3 }, { page: 4 }] });
  });

  test('and a paragraph continues after a page break, then it is one paragraph, unless a page is missing in between', () => {
    const textOf = (page: number) =>
      chunkDocument([pageOf(4, ['Here they agreed', 'that the']), pageOf(page, ['flour shall', 'be free.'])], limits)[0]
        ?.text;
    expect(textOf(5)).toBe('Here they agreed that the flour shall be free.');
    expect(textOf(6)).toBe('Here they agreed that the\n\nflour shall be free.');
  });

  test('and a sentence continues in the next column, then it is one paragraph, but a new sentence begins another', () => {
    const column = (x0: number, ...texts: string[]) =>
      pageOf(1, texts).lines.map((line) => ({ ...line, x0, x1: x0 + 0.35 }));
    const textOf = (...right: string[]) => {
      const left = column(0.1, 'The left column begins', 'and goes on', 'without end and');
      const page = { ...pageOf(1, []), lines: [...left, ...column(0.55, ...right)] };
      return chunkDocument([page], limits)[0]?.text;
    };
    const left = 'The left column begins and goes on without end and';
    expect(textOf('right lines take it', 'to its end.')).toBe(`${left} right lines take it to its end.`);
    expect(textOf('Another begins here.', 'It ends.')).toBe(`${left}\n\nAnother begins here. It ends.`);
  });

  test('and its lines have no place on the page, then its chunks have no boxes', () => {
    const nowhere = { x0: 0, y0: 0, x1: 0, y1: 0 };
    const title = { text: 'A title', fontSize: 24, bold: true, headingLevel: 1, ...nowhere };
    const page = { ...pageOf(2, [title, { text: 'And a text.', ...nowhere }]), width: 0, height: 0 };
    const [chunk] = chunkDocument([page], limits);
    expect(chunk).toMatchObject({ text: 'A title\n\nAnd a text.', pageStart: 2, pageEnd: 2, coordinates: [] });
  });

  test('then a chunk names the kinds of its blocks in order, each once, and not those of its overlap', () => {
    const heading = { text: 'Prices', fontSize: 16, bold: true, x1: 0.3 };
    const rows = ['Flour\t12\t14', 'Bran\t3\t4', 'Oats\t5\t6'];
    const items = ['• Bring a sack.', '• Bring a mule.'];
    const texts = [heading, 'These are the prices of the year.', ...rows, 'They hold until the harvest.', ...items];
    const [whole] = chunkDocument([pageOf(1, texts)], { maxTokens: 400, overlapTokens: 0 });
    expect(whole?.blocks).toEqual(['heading', 'paragraph', 'table', 'list']);
    const chunks = chunkDocument([pageOf(1, [sentences(3), ...items])], { maxTokens: 40, overlapTokens: 15 });
    expect(chunks.at(-1)).toMatchObject({ hasOverlap: true, blocks: ['list'] });
  });

  test('and it has an outline, then the section of a chunk is the path to its heading', () => {
    const outline = [
      { title: 'Part I', level: 1, page: null },
      { title: 'Item 1.  Business', level: 2, page: 1 },
      { title: 'Item 2. Properties', level: 2, page: 1 },
      { title: 'Part II', level: 1, page: 3 },
    ];
    const pages = [
      pageOf(1, [
        { text: sentences(30), x1: 0.5 },
        { text: 'ITEM 2. PROPERTIES', x1: 0.4 },
        { text: sentences(30, 50), x1: 0.5 },
      ]),
      pageOf(2, [{ text: sentences(30, 100), x1: 0.5 }]),
      pageOf(3, [{ text: sentences(30, 150), x1: 0.5 }]),
    ];
    const chunks = chunkDocument(pages, { ...limits, outline });
    const sectionOf = (text: string) => chunks.find((chunk) => chunk.text.includes(text))?.section;
    expect(sectionOf('Sentence 3 ')).toBe('Part I > Item 1. Business');
    expect(sectionOf('Sentence 55 ')).toBe('Part I > Item 2. Properties');
    expect(sectionOf('Sentence 115 ')).toBe('Part I > Item 2. Properties');
    expect(sectionOf('Sentence 165 ')).toBe('Part II');
  });

  test('and it has no outline, then large headings name the sections', () => {
    const pages = [
      pageOf(1, [
        { text: sentences(40), x1: 0.5 },
        { text: 'Liquidity', fontSize: 16, x1: 0.4 },
        { text: sentences(40, 50), x1: 0.5 },
      ]),
    ];
    const chunks = chunkDocument(pages, limits);
    expect(chunks[0]?.section).toBeNull();
    expect(chunks.at(-1)?.section).toBe('Liquidity');
    // The heading stays with its text.
    expect(chunks.some((chunk) => chunk.text.endsWith('Liquidity'))).toBe(false);
  });

  test('and the text contains commands of the tokenizer, then they stay text', () => {
    const [chunk] = chunkDocument([pageOf(1, ['Before <|endoftext|> after'])], limits);
    expect(chunk?.text).toBe('Before <|endoftext|> after');
  });

  test.each([
    [{ maxTokens: 15, overlapTokens: 0 }],
    [{ maxTokens: 100, overlapTokens: 51 }],
    [{ maxTokens: 100, overlapTokens: -1 }],
    [{ maxTokens: Number.NaN, overlapTokens: 0 }],
  ])('and the limits are out of range (%j), then it throws a RangeError', (bad) => {
    expect(() => chunkDocument([], bad)).toThrow(RangeError);
  });
});
