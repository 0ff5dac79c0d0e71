import { type ChunkLine, type ChunkOutlineEntry, type ChunkPage, chunkDocument } from '../src';
import { pageOf } from './pages';

const limits = { maxTokens: 400, overlapTokens: 50 };
const text = { text: 'The text of this section goes on to the right edge and says what there is to say about it.' };
const bold = (title: string, more: Partial<ChunkLine> = {}) => ({ text: title, bold: true, x1: 0.4, ...more });

/** The different sections of the chunks, in order. */
function sectionsOf(pages: readonly ChunkPage[], outline?: readonly ChunkOutlineEntry[]) {
  const chunks = chunkDocument(pages, outline === undefined ? limits : { ...limits, outline });
  return [...new Set(chunks.map((chunk) => chunk.section))];
}

/** A page with a blank line before each paragraph and heading. */
const apart = (page: number, ...lines: (string | Partial<ChunkLine>)[]) =>
  pageOf(
    page,
    lines.flatMap((line) => ['', line]),
  );

const sectionsOfLines = (...lines: (string | Partial<ChunkLine>)[]) => sectionsOf([apart(1, ...lines)]);

describe('When there is no outline', () => {
  test('then bold headings in the size of the text begin sections inside their parts and items', () => {
    const lines = [
      bold('PART II'),
      bold('Item 7.\tManagement’s Discussion'),
      bold('Liquidity'),
      text,
      bold('Debt'),
      text,
      bold('Item 8. Financial Statements'),
      text,
      bold('PART III'),
      bold('Item 10. Directors'),
      text,
    ];
    expect(sectionsOfLines(text, ...lines)).toEqual([
      null,
      'PART II > Item 7. Management’s Discussion > Liquidity',
      'PART II > Item 7. Management’s Discussion > Debt',
      'PART II > Item 8. Financial Statements',
      'PART III > Item 10. Directors',
    ]);
  });

  test('then larger headings contain smaller ones, numbers deeper numbers, and capitals other headings', () => {
    const sized = (title: string, fontSize: number) => ({ text: title, fontSize, x1: 0.5 });
    expect(
      sectionsOfLines(text, sized('The Mill', 20), sized('Its wheel', 14), text, text, sized('Its stones', 14), text),
    ).toEqual([null, 'The Mill > Its wheel', 'The Mill > Its stones']);
    expect(
      sectionsOfLines(text, bold('1. The Mill'), text, bold('1.1 Its wheel'), text, bold('2. The river'), text),
    ).toEqual([null, '1. The Mill', '1. The Mill > 1.1 Its wheel', '2. The river']);
    expect(sectionsOfLines(text, bold('THE MILL'), text, bold('Its wheel'), text, bold('THE RIVER'), text)).toEqual([
      null,
      'THE MILL',
      'THE MILL > Its wheel',
      'THE RIVER',
    ]);
  });

  test('then two Chinese characters are a heading, and a Chinese sentence is not', () => {
    const wide = (title: string) => bold(title, { fontSize: 14, x1: 0.2 });
    expect(sectionsOfLines(text, wide('概要'), text, wide('本书写完了。'), text)).toEqual([null, '概要']);
  });

  test('then a heading that is repeated on the next page begins no new section', () => {
    const pages = [apart(1, text, bold('Debt'), text), apart(2, bold('Debt (continued)'), text, bold('Leases'), text)];
    expect(sectionsOf(pages)).toEqual([null, 'Debt', 'Leases']);
  });

  test.each([
    ['the bold beginning of a sentence', [bold('Our mill is the one that'), 'stands beside the river and turns.']],
    ['a bold sentence', [bold('The river may fall dry.'), text]],
    ['a column header', [bold('Total shares', { x0: 0.7, x1: 0.8 }), 'Mill\t7\t8', 'River\t9\t1']],
    ['a row of a table', [bold('Total\t1,234\t5,678'), text]],
    ['a caption above columns', [bold('Three Months Ended June 30'), 'Mill\t7\t8', 'River\t9\t1']],
    ['a bold list item', [bold('• The mill has grown'), text]],
    ['a small bold label', [bold('Equity', { fontSize: 8 }), '', text]],
  ])('then %s is not a heading', (_what, lines) => {
    expect(sectionsOf([pageOf(1, [text, '', text, '', text, '', ...lines, text])])).toEqual([null]);
  });

  test('and all text is bold, then only larger lines are headings', () => {
    const lines = [text, bold('No heading'), text, bold('A heading', { fontSize: 14 }), text];
    const all = lines.map((line) => ({ ...line, bold: true }));
    expect(sectionsOfLines(...all)).toEqual([null, 'A heading']);
  });

  test('and a plain line names a part of the document, then it is a heading', () => {
    expect(sectionsOfLines(text, { text: 'Article IV', x1: 0.2 }, text)).toEqual([null, 'Article IV']);
    expect(sectionsOfLines(text, { text: 'Note 5 of this report', x1: 0.3 }, text)).toEqual([null]);
  });
});

describe('When there is an outline', () => {
  const outline = [
    { title: 'Item 7', level: 1, page: 1 },
    { title: 'Liquidity', level: 2, page: 1 },
    { title: 'Market Risk', level: 1, page: 2 },
  ];

  test('then sections begin at their headings, not where text begins with the same words', () => {
    const pages = [
      pageOf(1, ['Liquidity is what this page is about, but not yet.', bold('Item 7'), text, bold('LIQUIDITY'), text]),
      pageOf(2, [text, { text: 'Market', x1: 0.3 }, { text: 'Risk', x1: 0.2 }, bold('No entry'), text]),
    ];
    const chunks = chunkDocument(pages, { ...limits, outline });
    expect(chunks.map((chunk) => chunk.section)).toEqual([null, 'Item 7', 'Item 7 > Liquidity', 'Market Risk']);
    expect(chunks[2]?.text).toMatch(/^LIQUIDITY/);
    expect(chunks[3]?.text).toMatch(/^Market/);
  });

  test('and the heading of an entry is not on its page, then the section begins with the page', () => {
    const pages = [pageOf(1, [bold('Item 7'), text, bold('Liquidity'), text]), pageOf(2, [text])];
    expect(chunkDocument(pages, { ...limits, outline }).map((chunk) => chunk.section)).toEqual([
      'Item 7',
      'Item 7 > Liquidity',
      'Market Risk',
    ]);
  });

  test('and the page of an entry is missing, then the next page continues its section', () => {
    const lost = [
      { title: 'Item 6', level: 1, page: 1 },
      { title: 'Item 7', level: 1, page: 2 },
      { title: 'Liquidity', level: 2, page: 3 },
      { title: 'Item 8', level: 1, page: 5 },
    ];
    const sections = (pages: ChunkPage[]) =>
      chunkDocument(pages, { ...limits, outline: lost }).map(({ section, pageStart }) => [section, pageStart]);
    expect(sections([pageOf(1, [bold('Item 6'), text]), pageOf(4, [text])])).toEqual([
      ['Item 6', 1],
      ['Item 7 > Liquidity', 4],
    ]);
    expect(sections([pageOf(1, [bold('Item 6'), text]), pageOf(3, [text, '', bold('Liquidity'), text])])).toEqual([
      ['Item 6', 1],
      ['Item 7', 3],
      ['Item 7 > Liquidity', 3],
    ]);
    expect(sections([pageOf(1, [bold('Item 6'), text]), pageOf(5, [bold('Item 8'), text])])).toEqual([
      ['Item 6', 1],
      ['Item 8', 5],
    ]);
  });

  test('and it leaves out a title right before a section, then the title becomes part of the section', () => {
    const pages = [
      apart(1, bold('Item 7'), text, bold('PART II'), bold('Liquidity'), text, bold('PART III')),
      apart(2, bold('Market Risk'), text),
    ];
    const chunks = chunkDocument(pages, { ...limits, outline });
    expect(chunks.map((chunk) => [chunk.section, chunk.text.split('\n')[0]])).toEqual([
      ['Item 7', 'Item 7'],
      ['Item 7 > Liquidity', 'PART II'],
      // A title on the page before does not.
      ['Market Risk', 'Market Risk'],
    ]);
  });

  test('and the page of an entry is blank, then no chunk contains text from before and after it', () => {
    const pages = [pageOf(1, [bold('Item 7'), text]), pageOf(2, []), pageOf(3, [text])];
    const sections = chunkDocument(pages, { ...limits, outline }).map(({ section, pageStart }) => [section, pageStart]);
    expect(sections).toEqual([
      ['Item 7 > Liquidity', 1],
      ['Market Risk', 3],
    ]);
  });

  test('and its only entry begins on a later page, then no chunk contains text from before and after it', () => {
    const pages = [pageOf(1, [text]), pageOf(2, [text])];
    expect(sectionsOf(pages, [{ title: 'The Mill', level: 1, page: 2 }])).toEqual([null, 'The Mill']);
  });

  test('and it has too many entries on a page to search for all, then the others begin with the entry before them', () => {
    const lines = Array.from({ length: 999 }, (_, index) => `Line ${index} says what there is to say.`);
    const pages = [pageOf(1, [...lines, bold('Liquidity'), text])];
    const sectionsAfter = (count: number) =>
      sectionsOf(pages, [
        { title: 'Item 7', level: 1, page: 1 },
        ...Array.from({ length: count }, (_, index) => ({ title: `No line of page ${index}`, level: 2, page: 1 })),
        { title: 'Liquidity', level: 1, page: 1 },
      ]);
    expect(sectionsAfter(900)).toEqual(['Item 7 > No line of page 899', 'Liquidity']);
    expect(sectionsAfter(100_000)).toEqual(['Liquidity']);
  });

  test('and it has one entry, then the headings on the pages are inside of it', () => {
    const pages = [pageOf(1, [text, bold('Debt'), text])];
    expect(sectionsOf(pages, [{ title: 'The Mill', level: 1, page: 1 }])).toEqual(['The Mill', 'The Mill > Debt']);
  });
});

describe('When the input marks its headings', () => {
  const place = { x0: 0, y0: 0, x1: 1, y1: 1, fontSize: 12, bold: false };
  const page = (...lines: Partial<ChunkLine>[]): ChunkPage => ({
    page: 1,
    width: 0,
    height: 0,
    lines: lines.map((line) => ({ text: '', ...place, ...line })),
  });

  test('then they name the sections, whatever other lines look like', () => {
    const pages = [
      page(
        { text: 'Guide', headingLevel: 1 },
        { text: 'It begins.' },
        { text: 'Set up', headingLevel: 2 },
        { text: 'First this.' },
        { text: 'Bold and large, but text', bold: true, fontSize: 30 },
        { text: 'On Linux', headingLevel: 4 },
        { text: 'Then that.' },
        { text: 'Use', headingLevel: 2 },
        { text: 'At last.' },
      ),
    ];
    expect(sectionsOf(pages)).toEqual(['Guide', 'Guide > Set up', 'Guide > Set up > On Linux', 'Guide > Use']);
  });

  test('then each line is a paragraph, and rows are a table', () => {
    const [chunk] = chunkDocument(
      [
        page(
          { text: 'One paragraph.' },
          { text: 'Another one.' },
          { text: 'a\t1' },
          { text: 'b\t2' },
          { text: 'Last.' },
        ),
      ],
      limits,
    );
    expect(chunk?.text).toBe('One paragraph.\n\nAnother one.\n\na\t1\nb\t2\n\nLast.');
    expect(chunk?.coordinates.every(({ x0, y0, x1, y1 }) => `${x0}${y0}${x1}${y1}` === '0011')).toBe(true);
  });
});
