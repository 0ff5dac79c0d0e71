import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingPagePdf, nulTextPdf, textPdf } from '@millrace/test-support';
import { openPdf } from '../src';
import { TemporaryFolder } from './temporary';

const corpus = join(__dirname, '../../../../shared/corpus');
const hasCorpus = existsSync(join(corpus, 'real'));

interface Outcome {
  pages: number;
  characters: number;
  codes: string[];
}

/** Reads a file, or one of so many of its pages. Every error must be a MillraceError. */
async function readPages(path: string, oneOf = 1): Promise<Outcome> {
  const outcome: Outcome = { pages: 0, characters: 0, codes: [] };
  const note = (error: unknown) => {
    expect(error).toMatchObject({ name: 'MillraceError' });
    outcome.codes.push((error as { code: string }).code);
  };
  const file = await openPdf(path).catch(note);
  if (file === undefined) {
    return outcome;
  }
  for (let page = 1; page <= file.info.pageCount; page += oneOf) {
    outcome.pages += 1;
    try {
      const { lines, text } = file.readPage(page);
      outcome.characters += text.length;
      for (const { x0, y0, x1, y1, fontSize } of lines) {
        const inOrder = 0 <= x0 && x0 <= x1 && x1 <= 1 && 0 <= y0 && y0 <= y1 && y1 <= 1 && fontSize > 0;
        expect([path, page, inOrder]).toEqual([path, page, true]);
      }
    } catch (error) {
      note(error);
    }
  }
  file.close();
  return outcome;
}

if (hasCorpus) {
  describe('When the filings of the corpus are read', () => {
    test.each(readdirSync(join(corpus, 'real')))('%s, then its pages are read', async (file) => {
      // Every eighth, from all parts of the file. The benchmarks read all of them.
      const { pages, characters, codes } = await readPages(join(corpus, 'real', file), 8);
      expect(codes).toEqual([]);
      expect(characters).toBeGreaterThan(pages * 500);
    });
  });
} else {
  describe('When the corpus (../shared/corpus) is missing', () => {
    const folder = new TemporaryFolder();
    beforeAll(() => folder.make());
    afterAll(() => folder.remove());

    test('then the ten filings are NOT tested, only PDFs that the tests make', async () => {
      const odd = [await textPdf(['text']), nulTextPdf(), missingPagePdf()];
      const outcomes = await Promise.all(odd.map(async (bytes) => readPages(await folder.write(bytes))));
      expect(outcomes).toMatchObject([
        { pages: 1, codes: [] },
        { pages: 1, codes: [] },
        { pages: 2, codes: ['PAGE_FAILED'] },
      ]);
    });
  });
}
