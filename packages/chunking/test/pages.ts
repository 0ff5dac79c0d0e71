import fc from 'fast-check';
import type { ChunkLine, ChunkPage } from '../src';

/** A letter page of lines that are 12 points apart, as a word processor sets them. */
export function pageOf(page: number, texts: readonly (string | Partial<ChunkLine>)[]): ChunkPage {
  let y = 0.05;
  const lines = texts.map((given) => {
    const line = typeof given === 'string' ? { text: given } : given;
    y += 12 / 792;
    return { text: '', x0: 0.1, y0: y - 0.014, x1: 0.9, y1: y, fontSize: 10, bold: false, ...line };
  });
  return { page, width: 612, height: 792, lines };
}

const words = fc.oneof(
  { weight: 6, arbitrary: fc.lorem({ maxCount: 12, mode: 'words' }) },
  { weight: 3, arbitrary: fc.lorem({ maxCount: 3, mode: 'sentences' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'Revenue\t$ 1,234\t(56)',
      'Net income\t—\t7.5%',
      '\t2023\t\t2022',
      '    if  mill:\t \tturn()',
      '• a point',
      'Item 7. Risks',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '<|endoftext|> and <|fim_prefix|>',
      '漢字かな交じり文。次の文です！'.repeat(6),
      '👩‍👩‍👧‍👦🇩🇪'.repeat(30),
      'x'.repeat(500),
      `https://example.org/${'path/'.repeat(40)}`,
      '.'.repeat(150),
      '𒀀𒁀𒂀𒃀𒄀𒅀𒆀𒇀𒈀',
      'ﷺ'.repeat(90),
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.toWellFormed()) },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', '\t', ' \u00a0 ') },
);

const line = fc.record({
  text: words,
  indent: fc.constantFrom(0, 0, 0, 0.05),
  width: fc.double({ min: 0.02, max: 0.75, noNaN: true }),
  gap: fc.constantFrom(1.2, 1.2, 1.2, 2.4, -30),
  fontSize: fc.constantFrom(10, 10, 10, 14),
  bold: fc.boolean(),
  level: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 8, nil: undefined }),
  preformatted: fc.option(fc.constant(true as const), { freq: 8, nil: undefined }),
});

const running = { x0: 0.1, x1: 0.5, fontSize: 9, bold: false };

/** Running headers and footers that a document may have. */
const frames = fc.record({
  header: fc.option(fc.constantFrom('ACME Annual Report', 'Table of Contents', 'Revenue\t$ 1,234\t(56)')),
  footer: fc.option(fc.constantFrom('', 'Page ', 'ACME\tPage ')),
});

/** Documents of any lines that the PDF engine may give. Some have headers, footers and page numbers. */
export const documents: fc.Arbitrary<ChunkPage[]> = fc
  .tuple(fc.array(fc.array(line, { maxLength: 25 }), { maxLength: 6 }), frames)
  .map(([pages, { header, footer }]) =>
    pages.map((lines, index) => {
      let y = 0.1;
      const top = header === null ? [] : [{ ...running, text: header, y0: 0.005, y1: 0.015 }];
      const bottom = footer === null ? [] : [{ ...running, text: `${footer}${index + 1}`, y0: 0.98, y1: 0.99 }];
      return {
        page: index + 1,
        width: 612,
        height: 792,
        lines: [
          ...top,
          ...bottom,
          ...lines.map(({ text, indent, width, gap, fontSize, bold, level, preformatted }) => {
            y = Math.min(0.97, Math.max(0.03, y + (gap * fontSize) / 792));
            const heading = level === undefined ? {} : { headingLevel: level };
            return {
              text,
              x0: 0.1 + indent,
              y0: y - 0.015,
              x1: 0.15 + indent + width,
              y1: y,
              fontSize,
              bold,
              ...heading,
              ...(preformatted === undefined ? {} : { preformatted }),
            };
          }),
        ],
      };
    }),
  );
