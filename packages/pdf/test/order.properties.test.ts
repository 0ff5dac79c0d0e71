import fc from 'fast-check';
import type { DraftLine } from '../src/text/lines/draftLine';
import { mergeRow } from '../src/text/lines/mergeRow';
import { orderBlocks } from '../src/text/order/blockOrder';
import { orderColumns } from '../src/text/order/columnOrder';
import { orderLines } from '../src/text/order/lineOrder';

const fontSize = 10;
const pitch = 12;

function draft(text: string, left: number, right: number, baseline: number, more: Partial<DraftLine> = {}): DraftLine {
  return {
    text,
    direction: 0,
    skew: 0,
    from: 0,
    to: 0,
    left,
    right,
    top: baseline - fontSize,
    bottom: baseline + 2,
    baseline,
    mainSize: fontSize,
    size: fontSize,
    bold: false,
    rightToLeft: false,
    splitsWord: false,
    cells: [],
    ...more,
  };
}

/** The visible characters, sorted. */
function charactersOf(lines: readonly DraftLine[]): string {
  return lines
    .flatMap(({ text }) => [...text.replace(/\s/gu, '')])
    .sort()
    .join('');
}

/** Joins lines that were drawn one after the other on one baseline, as the line builder does. */
function merged(lines: readonly DraftLine[]): DraftLine[] {
  const result: DraftLine[] = [];
  for (const line of lines) {
    const before = result.at(-1);
    const whole = { ...line };
    if (before !== undefined && before.right < line.left && mergeRow(whole, before)) {
      result.pop();
    }
    result.push(whole);
  }
  return result;
}

const word = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[a-z]{3,9}$/) },
  fc.stringMatching(/^[A-Z][a-z]{1,8}[.,-]?$/),
  fc.stringMatching(/^[$]?\d{1,5}$/),
  fc.constantFrom('שלום', '漢字仮名', '𝐀𝐁', '......'),
);
const sentence = fc.array(word, { minLength: 1, maxLength: 9 }).map((words) => words.join(' '));
const prose = fc
  .array(fc.stringMatching(/^[a-z]{3,9}$/), { minLength: 5, maxLength: 8 })
  .map((words) => words.join(' '));

/** Lines near the places of a grid. Some are side by side, and some overlap. */
const anyLines = fc
  .array(
    fc.record({
      text: fc.oneof(sentence, prose),
      column: fc.integer({ min: 0, max: 2 }),
      row: fc.integer({ min: 0, max: 30 }),
      shift: fc.constantFrom(0, 0, 0, 5, -40),
      length: fc.constantFrom(170, 170, 150, 60, 400),
      direction: fc.constantFrom(0 as const, 0 as const, 0 as const, 0 as const, 1 as const),
      rightToLeft: fc.constantFrom(false, false, false, true),
    }),
    { maxLength: 80 },
  )
  .map((lines) =>
    lines.map(({ text, column, row, shift, length, direction, rightToLeft }, from) =>
      draft(text, 200 * column + shift, 200 * column + shift + length, pitch * row, { from, direction, rightToLeft }),
    ),
  );

const columns = fc.integer({ min: 6, max: 30 }).chain((rows) =>
  fc.record({
    texts: fc.array(fc.array(prose, { minLength: rows, maxLength: rows }), { minLength: 2, maxLength: 3 }),
    offset: fc.constantFrom(0, 4),
    gutter: fc.integer({ min: 11, max: 40 }),
  }),
);

describe('When the lines of a page are put in reading order', () => {
  test('then no character is lost or doubled, the input is not changed, and the result is the same each time', () => {
    fc.assert(
      fc.property(anyLines, fc.boolean(), (lines, rows) => {
        const drawn = rows ? merged([...lines].sort((a, b) => a.baseline - b.baseline || a.left - b.left)) : lines;
        const before = structuredClone(drawn);
        const ordered = orderLines(drawn);
        expect(charactersOf(ordered)).toBe(charactersOf(drawn));
        expect(ordered.every(({ text, left, right }) => text.trim() !== '' && left <= right)).toBe(true);
        expect(drawn).toEqual(before);
        expect(orderLines(drawn)).toEqual(ordered);
      }),
      { numRuns: 500 },
    );
  });

  test('and two or three columns of prose are drawn row by row beside vertical text, then each column is read as a whole', () => {
    fc.assert(
      fc.property(columns, ({ texts, offset, gutter }) => {
        const expected = texts.map((lines, column) =>
          lines.map((text, row) =>
            draft(text, column * (180 + gutter), column * (180 + gutter) + 180, pitch * row + (column % 2) * offset, {
              from: 1 + row,
            }),
          ),
        );
        const drawn = merged(expected.flat().sort((a, b) => a.baseline - b.baseline || a.left - b.left));
        const margin = draft('text that runs downwards in the margin', 0, 600, 3.5 * pitch, { direction: 1 });
        expect(orderLines([margin, ...drawn]).map(({ text, left, right }) => ({ text, left, right }))).toEqual(
          [margin, ...expected.flat()].map(({ text, left, right }) => ({ text, left, right })),
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('When a row is merged from texts that were drawn from right to left', () => {
  test('then two texts that are close become one cell, in the size of most of its characters', () => {
    const small = { size: 5, mainSize: 5 };
    for (const [first, second] of [
      [draft('12', 0, 8, pitch, small), draft('text of the column', 10, 100, pitch)],
      [draft('text of the column', 0, 90, pitch), draft('12', 92, 100, pitch, small)],
    ] as const) {
      const row = draft('text of the other column', 150, 250, pitch);
      expect(mergeRow(row, second) && mergeRow(row, first)).toBe(true);
      expect(row.cells.map(({ size }) => size)).toEqual([fontSize, fontSize]);
    }
  });
});

describe('When a page has 140,000 lines', () => {
  test('then they are put in order', () => {
    const text = 'and so the text goes on from line to line without end';
    const left = Array.from({ length: 70_000 }, (_, row) => draft(text, 0, 180, pitch * row));
    const right = left.map((line) => ({ ...line, left: 220, right: 400 }));
    const ordered = orderColumns(left.flatMap((line, row) => [line, right[row] as DraftLine]));
    expect(ordered.map(({ left }) => left).join()).toBe([...left, ...right].map(({ left }) => left).join());
    const footer = draft(text, 0, 400, pitch * 200_000);
    const lower = left.map((line) => ({ ...line, baseline: line.baseline + pitch * 80_000 }));
    const blocks = orderBlocks([footer, ...lower, ...right, ...right]);
    expect(blocks.map(({ left, baseline }) => `${left} ${baseline}`).join()).toBe(
      [...lower, ...right, ...right, footer].map(({ left, baseline }) => `${left} ${baseline}`).join(),
    );
  });
});
