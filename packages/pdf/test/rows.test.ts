import { column, engines, museumText, rivers, rowByRow, textsOf, wrap } from './placedText';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

describe('When texts side by side are not columns', () => {
  /** Draws the texts row by row, and expects that each row is read as one line. */
  async function expectRows(
    rows: readonly (readonly string[])[],
    places: readonly number[],
    pitch = 12,
  ): Promise<void> {
    const placed = rows.flatMap((row, index) =>
      row.map((text, cell) => ({ text, x: places[cell] ?? 0, y: 700 - pitch * index })),
    );
    expect(
      await textsOf(
        folder,
        placed.filter(({ text }) => text !== ''),
      ),
    ).toEqual(rows.map((row) => row.filter((text) => text !== '').join('\t')));
  }

  test('and it is a table of words, then its rows stay together', async () => {
    await expectRows(
      [0, 1, 2, 3].flatMap((round) => [
        [`${rivers[round]}`, ''],
        [`${engines[round]}`, `Chapter ${round + 1} of the book`],
        ['Sacks delivered to the farms of the valley', 'By the miller himself, in autumn'],
      ]),
      [50, 340],
    );
  });

  test('and its cells are sentences of several lines, then its rows stay together', async () => {
    const cells = [0, 3, 6, 1, 4, 2].map((from) => [rivers.slice(from, from + 3), engines.slice(from, from + 3)]);
    const placed = cells.flatMap(([left = [], right = []], row) =>
      rowByRow(column(left, 50, 700 - 46 * row), column(right.slice(0, 2 + (row % 2)), 320, 700 - 46 * row)),
    );
    const texts = await textsOf(folder, placed);
    expect(texts).toEqual(
      cells.flatMap(([left = [], right = []], row) =>
        left.map((line, index) => (index < 2 + (row % 2) ? `${line}\t${right[index]}` : line)),
      ),
    );
  });

  test('and the last line of a cell is full, which hides the end of the cell, then its rows stay together', async () => {
    const full = [
      'The mill stands where the river bends and has',
      'done so since the first settlers came up here,',
      'where water could turn a wheel the whole year.',
    ];
    const short = [
      'When steam came to the county, nobody believed',
      'that an engine could be cheaper than a river',
      'that asked for nothing.',
    ];
    const cells = [0, 1, 2, 3].map((row) => (row % 2 === 0 ? [full, short] : [short, full]));
    await expectRows(
      cells.flatMap(([left = [], right = []]) => left.map((line, index) => [line, right[index] ?? ''])),
      [50, 320],
    );
  });

  test('and it is a form with labels and values, then each value stays with its label', async () => {
    const labels = [
      'Name of the applicant',
      'Street and number',
      'Town and postal code',
      'Date of birth',
      'Occupation',
    ];
    const values = [
      'Margaret Miller-Brook',
      '12 Old Mill Lane, flat 3',
      '4711 Upper Riverbend',
      '3 May 1980',
      'miller',
    ];
    await expectRows(
      [...labels, ...labels].map((label, index) => [label, values[index % 5] ?? '']),
      [50, 250],
      20,
    );
  });

  test('and it is a table of contents, then each page number stays with its title', async () => {
    await expectRows(
      [...rivers, ...engines].map((title, index) => [`${index + 1}. ${title}`, `${index * 7 + 1}`]),
      [50, 520],
    );
  });

  test('and it is a column of figures, then each figure stays with its label', async () => {
    await expectRows(
      rivers.map((label, index) => [label, `1,${200 + index}`, `2,${300 + index}`]),
      [50, 400, 480],
    );
  });

  test('and it is a list of entries as wide as the column, then its rows stay together', async () => {
    await expectRows(
      Array.from({ length: 12 }, (_, row) => [
        `Wheel ${10 + row}, bought from the Riverbend works`,
        `Driven by water from the race until 19${10 + row}`,
      ]),
      [50, 320],
    );
  });

  test('and dots lead to page numbers, then its rows stay together', async () => {
    await expectRows(
      Array.from({ length: 12 }, (_, row) => [
        `wheels and races ${'.'.repeat(40)} ${10 + row}`,
        `steam and rails ${'.'.repeat(42)} ${50 + row}`,
      ]),
      [50, 320],
    );
  });

  test('and its rows have further cells in varying places, then its rows stay together', async () => {
    const rows = rivers.map((_, row) => {
      const [first, second] =
        row % 2 === 0 ? ['the corn', 'ground by the upper mill'] : ['the corn of the farms', 'sold in town'];
      return [
        { text: first, x: 50, y: 700 - 12 * row },
        { text: second, x: row % 2 === 0 ? 110 : 170, y: 700 - 12 * row },
        { text: engines[row] ?? '', x: 320, y: 700 - 12 * row },
      ].filter(({ text }) => text !== '');
    });
    expect(await textsOf(folder, rows.flat())).toEqual(rows.map((row) => row.map(({ text }) => text).join('\t')));
  });

  test('and they are drawn paragraph by paragraph, then they keep that order', async () => {
    const left = column([...rivers, ...engines], 50);
    const right = column([...engines, ...rivers], 320);
    const placed = [0, 3, 6, 9, 12, 15].flatMap((from) => [
      ...left.slice(from, from + 3),
      ...right.slice(from, from + 3),
    ]);
    expect(await textsOf(folder, placed)).toEqual(placed.map(({ text }) => text));
  });

  test('and they are drawn column by column, the right one first, then the left one is read first', async () => {
    const museums = wrap(museumText, 46);
    const placed = [...column(engines, 320), ...column(rivers, 50), ...column(museums, 320, 500)];
    expect(await textsOf(folder, placed)).toEqual([...rivers, ...engines, ...museums]);
  });
});

describe('When a page is drawn from the bottom up', () => {
  test('and the footer comes first or the header last, then both are read in their place', async () => {
    const header = { text: 'The header', x: 50, y: 770 };
    const footer = { text: '17', x: 150, y: 30 };
    const expected = ['The header', ...rivers, '17'];
    expect(await textsOf(folder, [footer, ...column(rivers, 50), header])).toEqual(expected);
    expect(await textsOf(folder, [...column(rivers, 50), header, footer])).toEqual(expected);
  });

  test.each(['first', 'in between', 'last'])(
    'and a stamp in the margin is drawn %s, then the other lines are read in the same order',
    async (when) => {
      const header = { text: 'The header', x: 50, y: 770 };
      const footer = { text: '17', x: 150, y: 30 };
      const stamp = { text: 'Received at the mill on the third of May', x: 20, y: 300, turned: true };
      const drawn = [footer, ...column(rivers, 50), header];
      const at = { first: 0, 'in between': 4, last: drawn.length }[when] ?? 0;
      const texts = await textsOf(folder, drawn.toSpliced(at, 0, stamp));
      expect(texts.filter((text) => text !== stamp.text)).toEqual(['The header', ...rivers, '17']);
      expect(texts.indexOf(stamp.text)).toBe({ first: 0, 'in between': 4, last: 12 }[when]);
    },
  );

  test('and the left column was drawn after a lower right column, then it is read first', async () => {
    const placed = [...column(engines, 320, 660), ...column(rivers, 50)];
    expect(await textsOf(folder, placed)).toEqual([...rivers, ...engines]);
  });

  test('and a footer or header runs across columns of which the first is lower, then the columns keep their order', async () => {
    const across = 'Of the mills in the valley, and of what became of them in the years after steam had come';
    const header = { text: across, x: 50, y: 770 };
    const footer = { text: across, x: 50, y: 30 };
    const columns = [...column(rivers, 50, 400), ...column(engines, 320)];
    const texts = [...rivers, ...engines];
    expect(await textsOf(folder, [footer, ...columns])).toEqual([...texts, across]);
    expect(await textsOf(folder, [...columns, header])).toEqual([across, ...texts]);
  });
});
