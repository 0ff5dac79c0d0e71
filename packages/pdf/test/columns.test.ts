import {
  column,
  engines,
  engineText,
  linesOf,
  museumText,
  rivers,
  riverText,
  rowByRow,
  textsOf,
  wrap,
} from './placedText';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

describe('When the columns of a page are drawn row by row', () => {
  test('then each column is read from top to bottom, and no line spans two columns', async () => {
    expect(await textsOf(folder, rowByRow(column(rivers, 50), column(engines, 320)))).toEqual([...rivers, ...engines]);
  });

  test('and their lines have different heights, then the result is the same', async () => {
    expect(await textsOf(folder, rowByRow(column(rivers, 50), column(engines, 320, 695)))).toEqual([
      ...rivers,
      ...engines,
    ]);
  });

  test('and the right one is drawn first, then the result is the same', async () => {
    const placed = rowByRow(column(rivers, 50), column(engines, 320)).sort((a, b) => b.y - a.y || b.x - a.x);
    expect(await textsOf(folder, placed)).toEqual([...rivers, ...engines]);
  });

  test('and there are three, then they are read one after the other', async () => {
    const texts = [riverText, engineText, museumText].map((text) => wrap(text, 31));
    const placed = rowByRow(...texts.map((lines, index) => column(lines, 40 + 180 * index)));
    expect(await textsOf(folder, placed)).toEqual(texts.flat());
  });

  test('then the box of each line is inside of its column', async () => {
    const lines = await linesOf(folder, rowByRow(column(rivers, 50), column(engines, 320)));
    expect(Math.max(...lines.slice(0, rivers.length).map(({ x1 }) => x1))).toBeLessThan(0.51);
    expect(Math.min(...lines.slice(rivers.length).map(({ x0 }) => x0))).toBeCloseTo(320 / 600, 2);
  });

  test('and a heading is beside text of the other column, then each keeps its own size', async () => {
    const left = column(rivers, 50).map((line, index) => (index === 4 ? { ...line, text: 'Water', size: 14 } : line));
    const lines = await linesOf(folder, rowByRow(left, column(engines, 320)));
    expect(lines.filter(({ fontSize }) => fontSize === 14).map(({ text }) => text)).toEqual(['Water']);
    expect(lines).toHaveLength(rivers.length + engines.length);
  });

  test.each([
    ['raised, right before', 57, 3],
    ['at a distance before', 62, 0],
  ])('and a small number is %s a line, then the line has the size of most of its characters', async (_, x, dy) => {
    const left = column(rivers, 50).map((line, index) => (index === 4 ? { ...line, x } : line));
    const number = { text: '12', x: 50, y: 700 - 12 * 4 + dy, size: 5 };
    const lines = await linesOf(folder, rowByRow(left, column(engines, 320)).toSpliced(8, 0, number));
    expect(lines.map(({ text }) => text)).toEqual([...rivers.with(4, `12 ${rivers[4]}`), ...engines]);
    expect(lines.map(({ fontSize }) => fontSize)).toEqual(lines.map(() => 10));
  });

  test('and a title, a caption and a footnote run across them, then the columns between these are read separately', async () => {
    const title = { text: 'Of the mills in the valley, and of what became of them in later years', x: 90, y: 740 };
    const middle = {
      text: 'Figure 1. The race, the wheel and the house, seen from the road along the river',
      x: 90,
      y: 560,
    };
    const note = {
      text: '1 The book is kept in the museum, where it can be seen on any day but Mondays.',
      x: 50,
      y: 380,
    };
    const placed = [
      title,
      ...rowByRow(column(rivers, 50), column(engines, 320)),
      middle,
      ...rowByRow(column(engines, 50, 530), column(rivers, 320, 530)),
      note,
    ];
    expect(await textsOf(folder, placed)).toEqual([
      title.text,
      ...rivers,
      ...engines,
      middle.text,
      ...engines,
      ...rivers,
      note.text,
    ]);
  });

  test('and a header has text above both columns, then it stays one line', async () => {
    const header = [
      { text: 'History of the valley', x: 50, y: 720 },
      { text: 'Spring issue, page 17', x: 440, y: 720 },
    ];
    const [first, ...rest] = await textsOf(folder, [...header, ...rowByRow(column(rivers, 50), column(engines, 320))]);
    expect([first, rest]).toEqual(['History of the valley\tSpring issue, page 17', [...rivers, ...engines]]);
  });

  test('and a paragraph follows a shorter one after a blank line, then it stays in its column', async () => {
    const left = [...column(rivers, 50), ...column(engines, 50, 700 - 12 * rivers.length - 8)];
    expect(await textsOf(folder, rowByRow(left, column(rivers, 320)))).toEqual([...rivers, ...engines, ...rivers]);
  });

  test('and some of their paragraphs begin side by side, then they are still columns', async () => {
    const paragraph = (length: number, end: string) => [
      'When steam came to the county, nobody believed',
      ...Array.from({ length: length - 2 }, () => 'slope, lined it with stone, and let the stream'),
      end,
    ];
    const [short, full] = ['fall onto the paddles.', 'slope, lined it with stone, and let it stream.'];
    const left = [5, 5, 4, 6].flatMap((length) => paragraph(length, short));
    const right = [...paragraph(5, short), ...paragraph(5, full), ...paragraph(8, short), ...paragraph(2, full)];
    expect(await textsOf(folder, rowByRow(column(left, 50), column(right, 320)))).toEqual([...left, ...right]);
  });

  test('and a word is split between two lines of a column, then it is joined', async () => {
    const split = rivers
      .with(2, 'water that would turn a wheel in the manufac-')
      .with(3, 'turing of flour all year. They dug a race down');
    const texts = await textsOf(folder, rowByRow(column(split, 50), column(engines, 320)));
    expect(texts.slice(2, 4)).toEqual([
      'water that would turn a wheel in the manufacturing',
      'of flour all year. They dug a race down',
    ]);
  });

  test('and two more columns are below them, then the upper columns are read first', async () => {
    const placed = rowByRow(
      [...column(rivers, 50), ...column(rivers, 50, 500)],
      [...column(engines, 320), ...column(engines, 320, 500)],
    );
    expect(await textsOf(folder, placed)).toEqual([...rivers, ...engines, ...rivers, ...engines]);
  });

  test.each([
    ['of figures follows directly', 12, ['Sacks of flour ground in the mill of the year 1850', '1200']],
    ['of words follows directly', 12, ['the wheel of the upper mill', 'elm wood with an iron rim']],
    ['with wide rows follows', 20, ['the wheel of the upper mill', 'elm wood with an iron rim']],
  ])('and a table %s, then its rows stay together', async (_, pitch, [label = '', value = '']) => {
    const top = 700 - 12 * Math.max(rivers.length, engines.length) - 8;
    const rows = Array.from({ length: 8 }, (_, row) =>
      row === 4 ? [rivers[1] ?? '', engines[1] ?? ''] : [label, value],
    );
    const table = rows.flatMap(([left = '', right = ''], row) => [
      { text: left, x: 50, y: top - pitch * row },
      { text: right, x: 320, y: top - pitch * row },
    ]);
    const bottom = top - pitch * 8 - 8;
    const texts = await textsOf(folder, [
      ...rowByRow(column(rivers, 50), column(engines, 320)),
      ...table,
      ...rowByRow(column(rivers, 50, bottom), column(engines, 320, bottom)),
    ]);
    expect(texts).toEqual([...rivers, ...engines, ...rows.map((row) => row.join('\t')), ...rivers, ...engines]);
  });

  test('and the script runs from right to left, then the right column is read first', async () => {
    const letters = [...'אבגדהוזחטיכל'].map((letter, index) => [String.fromCharCode(97 + index), letter]);
    const map = { ...Object.fromEntries(letters), ' ': ' ' };
    const words = 'abc defg hi jkl abcd ef ghij kla bcdef gh '.repeat(2);
    // As it is drawn: the beginning of the text is on the right.
    const seen = (from: number) => [...words.slice(from, from + 36).trim()].reverse().join('');
    const rows = Array.from({ length: 10 }, (_, row) => row);
    const placed = rowByRow(
      column(
        rows.map((row) => seen(row)),
        320,
      ),
      column(
        rows.map((row) => seen(row + 12)),
        50,
      ),
    ).map((line) => ({ ...line, size: 6 }));
    const lines = await linesOf(folder, placed, { font: 'M', map, state: '-4 Tw' });
    expect(lines.map(({ x0 }) => x0 > 0.5)).toEqual(rows.map(() => true).concat(rows.map(() => false)));
    expect(lines[0]?.text).toMatch(/^אבג דהוז/u);
  });
});
