import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encryptedPdf, ownerEncryptedPdf, pagelessPdf, rawPdf, rawStream } from '@millrace/test-support';
import { openPdf } from '../src';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';
const page = (contents: number) =>
  `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${contents} 0 R /Resources << /Font << /F 3 0 R >> >> >>`;
const text = (words: string) => rawStream(`BT /F 24 Tf 72 700 Td (${words}) Tj ET`);

/** A PDF of three pages with its catalog and list of pages at the beginning. */
const listFirst = rawPdf([
  '<< /Type /Catalog /Pages 2 0 R >>',
  '<< /Type /Pages /Kids [4 0 R 6 0 R 8 0 R] /Count 3 >>',
  font,
  ...['First page.', 'Second page.', 'Third page.'].flatMap((words, index) => [page(2 * index + 5), text(words)]),
]);

/** The same with its catalog and list of pages at the end. */
const listLast = rawPdf([
  ...['First page.', 'Second page.', 'Third page.'].flatMap((words, index) => [
    page(2 * index + 2)
      .replace('2 0 R', '9 0 R')
      .replace('/F 3 0 R', '/F 7 0 R'),
    text(words),
  ]),
  font,
  '<< /Type /Catalog /Pages 9 0 R >>',
  '<< /Type /Pages /Kids [1 0 R 3 0 R 5 0 R] /Count 3 >>',
]);

/** The bytes before the last occurrence of `mark`. */
function upTo(bytes: Buffer, mark: string): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf(mark));
}

function read(bytes: Buffer) {
  return folder.open(bytes, (file) => ({
    repair: file.info.repair,
    pages: Array.from({ length: file.info.pageCount }, (_, index) => {
      try {
        return file.readPage(index + 1).text;
      } catch (error) {
        return (error as { code: string }).code;
      }
    }),
  }));
}

const allPages = ['First page.', 'Second page.', 'Third page.'];

/** The file with some of its text replaced. */
function changed(bytes: Buffer, from: RegExp, to: string): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');
}

describe('When a PDF is not broken', () => {
  test.each([
    ['it is complete', listFirst],
    ['other bytes follow its end', Buffer.concat([listFirst, Buffer.from('\nsomething else')])],
    ['other bytes precede its beginning', Buffer.concat([Buffer.from('something else\n'), listFirst])],
  ])('(%s), then no repair is reported', async (_how, bytes) => {
    expect(await read(bytes)).toEqual({ repair: null, pages: allPages });
  });
});

describe('When only the cross-reference table of a PDF is broken', () => {
  test.each([
    ['because it is in another place', changed(listFirst, /startxref\n\d+/, 'startxref\n7')],
    ['because the end mark of the file is missing', upTo(listFirst, '%%EOF')],
    ['because its entries are too short', changed(listFirst, / \n/g, '\n')],
    ['because line ends were converted', changed(listFirst, /\n/g, '\r\n')],
  ])('%s, then all pages are read, and the repair is reported', async (_how, bytes) => {
    expect(await read(bytes)).toEqual({ repair: 'XREF_REBUILT', pages: allPages });
  });
});

describe('When the end of a PDF is missing', () => {
  test('and only the trailer is lost, then all pages are read', async () => {
    const pages = ['First page.', 'Second page.', 'Third page.'];
    expect(await read(upTo(listFirst, 'trailer'))).toEqual({ repair: 'TRAILER_REBUILT', pages });
    expect(await read(upTo(listFirst, 'xref\n0'))).toEqual({ repair: 'TRAILER_REBUILT', pages });
    expect(await read(upTo(listLast, '/Size'))).toEqual({ repair: 'TRAILER_REBUILT', pages });
  });

  test('and its last page is lost, too, then that page fails, and the other pages are read', async () => {
    const pages = ['First page.', 'Second page.', 'PAGE_FAILED'];
    expect(await read(upTo(listFirst, '8 0 obj'))).toEqual({ repair: 'TRAILER_REBUILT', pages });
  });

  test('and the list of pages is lost, then the remaining pages are read in their order', async () => {
    const pages = ['First page.', 'Second page.', 'Third page.'];
    expect(await read(upTo(listLast, '/Kids'))).toEqual({ repair: 'PAGES_REBUILT', pages });
    expect(await read(upTo(listLast, '8 0 obj'))).toEqual({ repair: 'PAGES_REBUILT', pages });
  });

  test.each([
    ['in a dictionary', '/Contents'],
    ['in a stream', '700 Td (Third'],
    ['in a reference', ' 0 R /MediaBox'],
  ])('and it was cut off %s, then the pages before are read', async (_where, mark) => {
    for (const bytes of [upTo(listFirst, mark), upTo(listLast, mark)]) {
      const { repair, pages } = await read(bytes);
      expect(repair).not.toBeNull();
      expect(pages.slice(0, 2)).toEqual(['First page.', 'Second page.']);
    }
  });

  test('and it was cut off anywhere, then the result is pages or PDF_CORRUPT, and the same each time', async () => {
    for (let length = 20; length < listFirst.length; length += 13) {
      const bytes = listFirst.subarray(0, length);
      const outcome = () => read(bytes).catch((error: { code: string }) => error.code);
      const first = await outcome();
      expect(await outcome()).toEqual(first);
      if (typeof first === 'string') {
        expect([length, first]).toEqual([length, 'PDF_CORRUPT']);
      }
    }
  });
});

describe('When a broken PDF has more pages than allowed', () => {
  test('then it is refused', async () => {
    const path = await folder.write(upTo(listLast, '/Kids'));
    await expect(openPdf(path, { maxPages: 2 })).rejects.toMatchObject({ code: 'DOCUMENT_TOO_MANY_PAGES' });
  });

  test('but only claims them, then the pages that exist are read', async () => {
    const lying = Buffer.from(listFirst.toString('latin1').replace('/Count 3', '/Count 900000'), 'latin1');
    const file = await openPdf(await folder.write(upTo(lying, 'trailer')), { maxPages: 1000 });
    expect(file.info).toMatchObject({ repair: 'PAGES_REBUILT', pageCount: 3 });
    file.close();
  });
});

describe('When a broken PDF is larger than one piece of the search', () => {
  test.each([0, 1, 8, 9, 10, 19, 20, 30, 100, 255, 256, 257])(
    'and an object begins %d bytes before the end of a piece, then it is found',
    async (before) => {
      const mebibyte = 1024 * 1024;
      const make = (length: number) =>
        rawPdf([
          rawStream('x'.repeat(length)),
          '<< /Type /Catalog /Pages 3 0 R >>',
          `<< /Type /Pages /Kids [] /Count 0 >>`,
        ]);
      const at = make(mebibyte).indexOf('2 0 obj');
      const head = upTo(make(2 * mebibyte - before - at), '\n3 0 obj');
      expect(head.indexOf('2 0 obj')).toBe(mebibyte - before);
      const rest = `\n3 0 obj\n<< /Type /Pages /Kids [4 0 R] /Count 1 >>\nendobj\n4 0 obj\n${page(5)
        .replace('2 0 R', '3 0 R')
        .replace('/F 3 0 R', '/F 6 0 R')}\nendobj\n5 0 obj\n${text('Found.')}\nendobj\n6 0 obj\n${font}\nendobj\n`;
      expect(await read(Buffer.concat([head, Buffer.from(rest)]))).toEqual({
        repair: 'TRAILER_REBUILT',
        pages: ['Found.'],
      });
    },
  );
});

describe('When a broken PDF cannot be repaired', () => {
  test.each([
    ['it is encrypted, and its key information is lost', async () => upTo(await ownerEncryptedPdf(), 'trailer')],
    ['it needs a password, and its key information is lost', async () => upTo(await encryptedPdf(), 'trailer')],
    ['it never had pages', async () => upTo(pagelessPdf(), 'xref')],
    ['it has no objects', async () => Buffer.from('%PDF-1.7\nnothing')],
    [
      'its only object number is too high',
      async () => Buffer.from('%PDF-1.7\n99999999 0 obj << /Type /Page >> endobj'),
    ],
  ])('because %s, then it fails with PDF_CORRUPT', async (_why, make) => {
    await expect(read(await make())).rejects.toMatchObject({ code: 'PDF_CORRUPT' });
  });
});

const filing = join(__dirname, '../../../../shared/corpus/real/ADOBE_2017_10K.pdf');
if (existsSync(filing)) {
  test('When only the first half of a filing is there, then its sixty pages are read', async () => {
    const whole = readFileSync(filing);
    const { repair, pages } = await read(whole.subarray(0, whole.length / 2));
    expect(repair).toBe('PAGES_REBUILT');
    expect(pages).toHaveLength(60);
    expect(pages.join('').length).toBeGreaterThan(240_000);
  });
} else {
  test('When the corpus (../shared/corpus) is missing, then half a filing is NOT tested', () => undefined);
}
