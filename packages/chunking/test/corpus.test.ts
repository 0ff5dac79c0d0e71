import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ChunkStrategy } from '@millrace/contracts';
import { openPdf } from '@millrace/pdf';
import { type ChunkLine, type ChunkPage, chunkDocument, countTokens, DocumentChunker } from '../src';
import { reachOf, squeeze } from './coverage';

const corpus = join(__dirname, '../../../../shared/corpus/real');
/** Enough pages of each filing for its cover, table of contents, text, tables and a change of running lines. */
const pagesRead = 40;

async function readFiling(file: string) {
  const pdf = await openPdf(join(corpus, file));
  const pages: ChunkPage[] = [];
  for (let page = 1; page <= Math.min(pagesRead, pdf.info.pageCount); page++) {
    pages.push(pdf.readPage(page));
  }
  pdf.close();
  return { pages, outline: pdf.info.outline };
}

/** The filings that were read. Reading takes longer than chunking, and several tests use each filing. */
const filings = new Map<string, ReturnType<typeof readFiling>>();

/** The other strategies depend less on the filing, so each takes every third one. */
function strategiesOf(file: string): ChunkStrategy[] {
  const third = readdirSync(corpus).indexOf(file) % 3;
  return ['structure', ...(third === 0 ? (['fixed'] as const) : third === 1 ? (['page'] as const) : [])];
}

function readPages(file: string): ReturnType<typeof readFiling> {
  const known = filings.get(file) ?? readFiling(file);
  filings.set(file, known);
  return known;
}

if (existsSync(corpus)) {
  describe.each(readdirSync(corpus))('When %s is chunked', (file) => {
    test.each(strategiesOf(file))('by %s, then all of its text is in exactly one chunk', async (strategy) => {
      const { pages, outline } = await readPages(file);
      const leftOut = new Set<ChunkLine>();
      const options = { strategy, maxTokens: 400, overlapTokens: 50, outline };
      const chunks = chunkDocument(pages, { ...options, onLeftOut: (_page, line) => leftOut.add(line) });
      const kept = pages.flatMap((page) => page.lines.filter((line) => !leftOut.has(line)));
      const all = squeeze(kept.map((line) => line.text).join(''));
      let reached = new Set([0]);
      for (const [index, chunk] of chunks.entries()) {
        reached = reachOf(chunks[index - 1], chunk, reached, all);
        expect(chunk.text).not.toBe('');
        expect(chunk.tokenCount).toBe(countTokens(chunk.text));
        expect(chunk.tokenCount).toBeLessThanOrEqual(400);
      }
      expect(reached).toContain(all.length);

      const chunker = new DocumentChunker(options);
      expect([...pages.flatMap((page) => chunker.addPage(page)), ...chunker.finish()]).toEqual(chunks);
    });

    test('and only every seventh page is wanted, then these pages have the same sections and running lines as in a full reading', async () => {
      const { pages, outline } = await readPages(file);
      const wanted = new Set(pages.map(({ page }) => page).filter((page) => page % 7 === 0));
      const read = (only: ReadonlySet<number> | null) => {
        const leftOut: ChunkLine[] = [];
        const onLeftOut = (page: number, line: ChunkLine) => leftOut.push(...(wanted.has(page) ? [line] : []));
        const options = { maxTokens: 400, overlapTokens: 0, outline, wanted: only, onLeftOut };
        return { chunks: chunkDocument(pages, options), leftOut };
      };
      const full = read(null);
      const some = read(wanted);
      expect(some.leftOut).toEqual(full.leftOut);
      for (const { section, pageStart, pageEnd } of some.chunks) {
        const overlapping = full.chunks.filter((chunk) => chunk.pageStart <= pageEnd && chunk.pageEnd >= pageStart);
        expect(overlapping.map((chunk) => chunk.section)).toContain(section);
      }
    });
  });

  test.each([
    ['ADOBE_2017_10K.pdf', 'Part I > Item 1. Business > Competition', ['Table of Contents']],
    ['AMCOR_2023_10K.pdf', 'PART I > Item 1. - Business > Sustainability', []],
    ['BESTBUY_2023_10K.pdf', 'PART I > Item 1. Business > Store Development', []],
    ['CVSHEALTH_2018_10K.pdf', 'PART I > Item 1A. Risk Factors > Overarching Risks', ['Page 20']],
    ['NETFLIX_2015_10K.pdf', 'PART I > Item 1. Business > COMPETITION', ['Table of Contents']],
    ['PEPSICO_2021_10K.pdf', 'PART I > Item 1. Business > Seasonality', ['Table of Contents']],
  ])(
    'When %s is chunked, then "%s" is a section and the running lines %j are left out',
    async (file, section, lines) => {
      const { pages, outline } = await readPages(file);
      const texts: string[] = [];
      const onLeftOut = (_page: number, line: ChunkLine) => texts.push(line.text);
      const chunks = chunkDocument(pages, { maxTokens: 400, overlapTokens: 50, outline, onLeftOut });
      expect(chunks.map((chunk) => chunk.section)).toContain(section);
      expect(texts).toEqual(expect.arrayContaining(lines));
      // Only page numbers and running titles.
      expect(texts.filter((text) => !/^(?:Page )?\d+$|^Table of Contents$/.test(text))).toEqual([]);
    },
  );
} else {
  test('When the corpus (../shared/corpus) is missing, then the ten filings are NOT tested', () => {
    expect(chunkDocument([], { maxTokens: 400, overlapTokens: 50 })).toEqual([]);
  });
}
