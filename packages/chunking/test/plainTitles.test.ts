import { type ChunkLine, chunkDocument } from '../src';
import { pageOf } from './pages';

type Line = string | Partial<ChunkLine>;

const first = { text: 'The mill is driven by a wheel that turns in the river, and it', x1: 0.88 };
const second = { text: 'grinds the corn of the whole valley, day and night.', x1: 0.7 };
const paragraph: Line[] = [first, second];
const names: Line[] = [
  { text: 'Peter Pan Wendy Darling James Hook Tiger Lily John and Michael', x1: 0.88 },
  { text: 'Tinker Bell Slightly Curly Nibs', x1: 0.7 },
];
const title = { text: 'Its wheel', x1: 0.2 };

const sectionsOf = (...lines: Line[]) => [
  ...new Set(
    chunkDocument([pageOf(1, lines)], { maxTokens: 400, overlapTokens: 0 }).map((chunk) => chunk.section ?? '-'),
  ),
];

/** The lines as they are in a column that begins at `left` and is 0.3 wide. */
function column(left: number, lines: { text: string; x1: number }[]): Partial<ChunkLine>[] {
  return lines.map(({ text, x1 }, index) => ({
    text,
    x0: left,
    x1: left + ((x1 - 0.1) * 0.3) / 0.8,
    y0: 0.1 + index * 0.016,
    y1: 0.114 + index * 0.016,
  }));
}

describe('When a title has the font, the size and the weight of the text', () => {
  test('and a paragraph begins right below it, then it begins a section', () => {
    expect(sectionsOf(...paragraph, '', title, ...paragraph)).toEqual(['-', 'Its wheel']);
    const numbered = { text: '2.1 Its wheel', x1: 0.25 };
    expect(sectionsOf(...paragraph, '', numbered, ...paragraph)).toEqual(['-', '2.1 Its wheel']);
    const capitals = { text: 'THE WHEEL OF THE MILL', x1: 0.4 };
    expect(sectionsOf(...paragraph, '', capitals, ...paragraph)).toEqual(['-', 'THE WHEEL OF THE MILL']);
  });

  test('and it begins a column of a page, all of it in bold, then it begins a section', () => {
    const columns = ['Provided by', 'Our wheels', 'How they help'].flatMap((text, index) =>
      column(0.02 + index * 0.33, [{ text, x1: 0.35 }, first, second]),
    );
    expect(sectionsOf(...columns.map((line) => ({ ...line, bold: true })))).toEqual([
      'Provided by',
      'Our wheels',
      'How they help',
    ]);
  });

  test.each<[string, Line[]]>([
    ['nothing is above it but the text before', [...paragraph, title, ...paragraph]],
    ['it nearly fills its line', ['', { ...title, x1: 0.8 }, ...paragraph]],
    ['it ends as a sentence does', ['', { ...title, text: 'It turns.' }, ...paragraph]],
    ['it ends in a comma', ['', { ...title, text: 'Dear miller,' }, ...paragraph]],
    ['it is the end of a letter', ['', { ...title, text: 'Respectfully yours' }, ...paragraph]],
    ['it is a date', ['', { ...title, text: 'June 30, 2023' }, ...paragraph]],
    ['it is an item of a list', ['', { ...title, text: '• The wheel' }, ...paragraph]],
    ['the text below it goes on with it', ['', title, { text: 'of wood, which turns', x1: 0.88 }, second]],
    ['names and not a sentence are below it', ['', title, ...names]],
    ['a table is below it', ['', title, 'Mill\t7\t8', 'River\t9\t1']],
    ['only one line is below it', ['', title, first, '', second]],
    ['it is indented', ['', { ...title, x0: 0.2, x1: 0.3 }, { ...first, x0: 0.2 }, { ...second, x0: 0.2 }]],
  ])('and %s, then it begins none', (_why, lines) => {
    expect(sectionsOf(...paragraph, ...lines)).toEqual(['-']);
  });
});

test('When a larger heading is above the second column of a page, then it begins a section', () => {
  const left = column(0.05, [first, second, first, second]);
  const [heading, ...right] = column(0.55, [{ text: '2. Overview: The wheel', x1: 0.8 }, first, second]);
  expect(sectionsOf(...left, { ...heading, fontSize: 13 }, ...right)).toEqual(['-', '2. Overview: The wheel']);
});
