import fc from 'fast-check';
import { type ChunkLine, type ChunkOptions, type ChunkPage, chunkDocument } from '../src';
import type { Block } from '../src/structure/block';
import { BlockBuilder } from '../src/structure/blocks';
import { BodyStyle } from '../src/structure/bodyStyle';
import { markSectionStarts, sectionNamer } from '../src/structure/sections';
import { squeeze } from './coverage';
import { documents } from './pages';

const outlines = fc.option(
  fc.array(
    fc.record({
      title: fc.constantFrom('Item 7. Risks', 'Somewhere', 'Net income', 'Revenue'),
      level: fc.integer({ min: 1, max: 3 }),
      page: fc.option(fc.integer({ min: 1, max: 6 })),
    }),
    { maxLength: 5 },
  ),
  { nil: undefined },
);

/** The blocks of the pages without their running lines, with their sections. */
function blocksOf(
  pages: readonly ChunkPage[],
  leftOut: ReadonlySet<ChunkLine>,
  outline: ChunkOptions['outline'],
): Block[] {
  const body = new BodyStyle();
  for (const page of pages) {
    body.add(page);
  }
  const builder = new BlockBuilder();
  const namer = sectionNamer(outline);
  let section: string | null = null;
  return pages.flatMap((whole) => {
    const page = { ...whole, lines: whole.lines.filter((line) => !leftOut.has(line)) };
    const blocks = builder.build(page, body, namer.blockStarts(page));
    namer.setSections(page, blocks);
    section = markSectionStarts(blocks, section);
    return blocks;
  });
}

test('When any document is chunked, then the text of each chunk belongs to the one section that the chunk names', () => {
  const pageStates = fc.array(fc.constantFrom('given', 'given', 'given', 'missing'), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(
      documents,
      pageStates,
      outlines,
      fc.integer({ min: 16, max: 200 }),
      (all, states, outline, maxTokens) => {
        const pages = all.filter((_, index) => states[index] === 'given');
        const leftOut = new Set<ChunkLine>();
        const chunks = chunkDocument(pages, {
          maxTokens,
          // Without overlap, each character is in exactly one chunk, in order.
          overlapTokens: 0,
          onLeftOut: (_page, line) => leftOut.add(line),
          ...(outline === undefined ? {} : { outline }),
        });
        const blockAt = blocksOf(pages, leftOut, outline).flatMap((block) =>
          block.lines.flatMap(({ text }) =>
            squeeze(text)
              .split('')
              .map(() => block),
          ),
        );
        let at = 0;
        for (const { text, section } of chunks) {
          const end = at + squeeze(text).length;
          const blocks = [...new Set(blockAt.slice(at, end))];
          const inText = blocks.filter(({ isHeading }) => !isHeading);
          // Headings without text join the next section. A chunk of headings alone may name any of their sections.
          expect(blocks.map((block) => block.section)).toContain(section);
          expect(inText.filter((block) => block.section !== section)).toEqual([]);
          at = end;
        }
        expect(at).toBe(blockAt.length);
      },
    ),
    { numRuns: 500 },
  );
});
