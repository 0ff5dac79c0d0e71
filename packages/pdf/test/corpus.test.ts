import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingPagePdf, nulTextPdf, textPdf } from '@millrace/test-support';
import { openPdf } from '../src';
import { TemporaryFolder } from './temporary';

const corpus = join(__dirname, '../../../../shared/corpus');
const hasCorpus = existsSync(join(corpus, 'hostile/README.md'));

interface Outcome {
  pages: number;
  characters: number;
  codes: string[];
}

/** Reads a whole file. Every error must be a MillraceError. */
async function readAll(path: string): Promise<Outcome> {
  const outcome: Outcome = { pages: 0, characters: 0, codes: [] };
  const note = (error: unknown) => {
    expect(error).toMatchObject({ name: 'MillraceError' });
    outcome.codes.push((error as { code: string }).code);
  };
  const file = await openPdf(path).catch(note);
  if (file === undefined) {
    return outcome;
  }
  outcome.pages = file.info.pageCount;
  for (let page = 1; page <= file.info.pageCount; page++) {
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
  const hostile = readdirSync(join(corpus, 'hostile')).filter((file) => file.endsWith('.pdf'));

  // The tests of the chunker have a table of how each file ends as an upload.
  describe('When the odd and broken PDFs of the corpus are read', () => {
    test.each(hostile)('%s, then it has pages or a named error, and all boxes are on their pages', async (file) => {
      const { pages, codes } = await readAll(join(corpus, 'hostile', file));
      expect(codes).toEqual(pages > 0 ? codes.map(() => 'PAGE_FAILED') : [expect.stringMatching(/^PDF_/)]);
    });
  });

  describe('When the filings of the corpus are read', () => {
    test.each(readdirSync(join(corpus, 'real')))('%s, then every page is read', async (file) => {
      const { pages, characters, codes } = await readAll(join(corpus, 'real', file));
      expect(codes).toEqual([]);
      expect(characters).toBeGreaterThan(pages * 500);
    });
  });
} else {
  describe('When the corpus (../shared/corpus) is missing', () => {
    const folder = new TemporaryFolder();
    beforeAll(() => folder.make());
    afterAll(() => folder.remove());

    test('then the hundred hostile PDFs and ten filings are NOT tested, only PDFs that the tests make', async () => {
      const odd = [await textPdf(['text']), nulTextPdf(), missingPagePdf()];
      const outcomes = await Promise.all(odd.map(async (bytes) => readAll(await folder.write(bytes))));
      expect(outcomes).toMatchObject([
        { pages: 1, codes: [] },
        { pages: 1, codes: [] },
        { pages: 2, codes: ['PAGE_FAILED'] },
      ]);
    });
  });
}
