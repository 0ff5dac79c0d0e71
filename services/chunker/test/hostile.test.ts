import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mayLackPages } from '@millrace/contracts';
import { testReading } from '@millrace/test-support';
import { parseDocument, whyNoText } from '../src/parseDocument';
import type { ReaderPool } from '../src/parseProtocol';
import { type HostileRow, nearlySame, readTable, updatesTable, writeTable } from './hostileTable';
import { readerPool } from './readerPool';

/** The API refuses this one, as its own tests check, so that it never reaches a reader. */
const refusedUpload = 'bug1606566.pdf';
const corpus = join(__dirname, '../../../../shared/corpus/hostile');
/** OCR takes most of the time, so only some of the files whose text it alone can read go through it. */
const recognized = /^(bitmap-|bug878026|issue5540)/;

if (existsSync(corpus)) {
  const files = readdirSync(corpus)
    .filter((name) => name.endsWith('.pdf'))
    .sort();
  const table = readTable();

  describe('When the unusual and broken PDFs of the corpus are read like uploads', () => {
    let pool: ReaderPool;
    const seen: HostileRow[] = [];
    beforeAll(() => {
      pool = readerPool({ processes: 2 });
      pool.warmUp();
    });
    afterAll(async () => {
      await pool?.close();
      if (updatesTable) {
        writeTable(seen);
      }
    });

    async function parse(file: string) {
      const ocr = { languages: ['eng'], maxPages: 100, pageTimeoutMs: 60_000, totalMs: 600_000 };
      const request = {
        path: join(corpus, file),
        mimeType: 'application/pdf',
        maxPages: 1000,
        pages: null,
        reading: { ...testReading, ocr: recognized.test(file) ? ('auto' as const) : ('off' as const) },
        ocr,
      };
      return parseDocument(pool, request, { maxLostPages: 10, maxCharacters: 100_000_000 });
    }

    async function read(file: string): Promise<HostileRow> {
      if (file === refusedUpload) {
        return { file, ends: 'UNSUPPORTED_MEDIA_TYPE', repair: null, pages: 0, failed: 0, characters: 0 };
      }
      const parsed = await parse(file).catch((error: { code: string }) => error.code);
      if (typeof parsed === 'string') {
        return { file, ends: parsed, repair: null, pages: 0, failed: 0, characters: 0 };
      }
      for (const { page, x0, y0, x1, y1 } of parsed.chunks.flatMap((chunk) => chunk.coordinates)) {
        expect([page, 0 <= x0 && x0 <= x1 && x1 <= 1 && 0 <= y0 && y0 <= y1 && y1 <= 1]).toEqual([page, true]);
      }
      const failed = parsed.pages.filter((page) => page.outcome === 'failed').length;
      const whole = failed === 0 && !mayLackPages(parsed.repair) ? 'ready' : 'partial';
      return {
        file,
        ends: parsed.chunks.length === 0 ? whyNoText(parsed).code : whole,
        repair: parsed.repair,
        pages: parsed.pageCount,
        failed,
        characters: parsed.pages.reduce((sum, page) => sum + page.characters, 0),
      };
    }

    test('then the table has a row for each of them', () => {
      expect(updatesTable ? files : table.map((row) => row.file)).toEqual(files);
    });

    test.each(files)(
      '%s, then it ends as the table says, and all boxes are on their pages',
      async (file) => {
        const row = await read(file);
        seen.push(row);
        if (!updatesTable) {
          const expected = table.find((one) => one.file === file);
          const characters = nearlySame(row.characters, expected?.characters) ? expected?.characters : row.characters;
          expect({ ...row, characters }).toEqual(expected);
        }
      },
      200_000,
    );
  });
} else {
  test('When the corpus (../shared/corpus) is absent, then its hundred hostile PDFs are NOT tested', () => {
    expect(readTable()).toHaveLength(100);
  });
}
