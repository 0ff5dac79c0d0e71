import { deflateSync } from 'node:zlib';
import { encryptedPdf, rawPdf, rawStream, textPdf } from '@millrace/test-support';
import type { ParsedDocument, ReaderPool } from '../src/parseProtocol';
import { ReadingHarness } from './readingHarness';

let harness: ReadingHarness;
let pool: ReaderPool;
beforeAll(async () => {
  harness = await ReadingHarness.create();
  pool = harness.pool();
});
afterAll(() => harness.dispose());

interface File {
  name: string;
  data: Buffer;
  mediaType?: string;
}

/** Compresses, so that a large file is small in the PDF. */
function embedded({ data, mediaType }: File): string {
  const packed = deflateSync(data).toString('latin1');
  const type = mediaType === undefined ? '' : `/Subtype /${mediaType.replace('/', '#2F')}`;
  return `<< /Type /EmbeddedFile ${type} /Filter /FlateDecode /Length ${packed.length} >>\nstream\n${packed}\nendstream`;
}

interface Others {
  catalog?: string;
  page?: string;
  annotated?: File[];
  unlisted?: File[];
}

/** The number of the object that names the first of all files, if there are so many. */
const firstSpecOf = (files: number) => 6 + files;

/** A page with the text "Cover." and these files: in its list, in annotations, and in neither. */
function pdfWith(
  files: readonly File[],
  { catalog = '', page = '', annotated = [], unlisted = [] }: Others = {},
): Buffer {
  const all = [...files, ...annotated, ...unlisted];
  const [firstStream, firstSpec] = [6, firstSpecOf(all.length)];
  const specs = all.map(
    ({ name }, index) => `<< /Type /Filespec /F (${name}) /EF << /F ${firstStream + index} 0 R >> >>`,
  );
  const listed = files.map(({ name }, index) => `(${String(index).padStart(3, '0')} ${name}) ${firstSpec + index} 0 R`);
  const annotations = annotated.map(
    (_, index) =>
      `<< /Type /Annot /Subtype /FileAttachment /Rect [0 0 9 9] /FS ${firstSpec + files.length + index} 0 R >>`,
  );
  return rawPdf([
    `<< /Type /Catalog /Pages 2 0 R ${catalog} /Names << /EmbeddedFiles << /Names [${listed.join(' ')}] >> >> >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R ${page} /Annots [${annotations.join(' ')}]
      /Resources << /Font << /F 5 0 R >> >> >>`,
    rawStream('BT /F 12 Tf 50 700 Td (Cover.) Tj ET'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...all.map(embedded),
    ...specs,
  ]);
}

const portfolio = { catalog: '/Collection << /Type /Collection >>' };
const text = (name: string, words: string): File => ({ name, data: Buffer.from(words) });
const pagesOf = ({ pages }: ParsedDocument) =>
  pages.map(({ page, label, outcome, errorCode }) => [page, label, outcome, errorCode]);
const chunksOf = ({ chunks }: ParsedDocument) =>
  chunks.map(({ pageStart, section, text: words }) => [pageStart, section, words]);

describe('When a PDF holds files', () => {
  test('then PDFs and texts are parts of the document: their pages go on, and name their file', async () => {
    const parsed = await harness.parse(
      pool,
      pdfWith(
        [
          { name: 'report.pdf', data: await textPdf(['First page.', 'Second page.']) },
          { name: 'folder/notes.md', data: Buffer.from('# Notes\n\nA note.') },
        ],
        { annotated: [text('pinned.txt', 'Pinned words.')] },
      ),
    );
    expect(pagesOf(parsed)).toEqual([
      [1, null, 'text', null],
      [2, 'report.pdf: 1', 'text', null],
      [3, 'report.pdf: 2', 'text', null],
      [4, 'notes.md: 1', 'text', null],
      [5, 'pinned.txt: 1', 'text', null],
    ]);
    expect(chunksOf(parsed)).toEqual([
      [1, null, 'Cover.'],
      [2, 'report.pdf', expect.stringContaining('First page.')],
      [4, 'notes.md > Notes', expect.stringContaining('A note.')],
      [5, 'pinned.txt', 'Pinned words.'],
    ]);
    expect(parsed).toMatchObject({ pageCount: 5, ignoredFiles: [] });
  });

  test('and one is in the list twice, or in an annotation as well, then it is read once', async () => {
    const one = text('a.txt', 'The same.');
    const parsed = await harness.parse(pool, pdfWith([one, { ...one, name: 'b.txt' }], { annotated: [one] }));
    expect(pagesOf(parsed).slice(1)).toEqual([[2, 'a.txt: 1', 'text', null]]);
  });

  test('and they hold files themselves, then those are read to a depth of three', async () => {
    let file = pdfWith([text('deep.txt', 'Too deep.')]);
    for (const name of ['c.pdf', 'b.pdf', 'a.pdf']) {
      file = pdfWith([{ name, data: file }, text(`beside-${name}.txt`, `Beside ${name}`)]);
    }
    const { pages } = await harness.parse(pool, file);
    expect(pages.map(({ label, errorCode }) => errorCode ?? label)).toEqual([
      null,
      'a.pdf: 1',
      'a.pdf > b.pdf: 1',
      'a.pdf > b.pdf > c.pdf: 1',
      'ATTACHMENT_LIMIT',
      'a.pdf > b.pdf > beside-c.pdf.txt: 1',
      'a.pdf > beside-b.pdf.txt: 1',
      'beside-a.pdf.txt: 1',
    ]);
  });

  test('and some are only associated with it or with a page, then these are read like those in the list', async () => {
    const [listed, other] = [text('a.txt', 'In the list.'), text('b.txt', 'Associated.')];
    const first = firstSpecOf(2);
    const af = `/AF [${first} 0 R ${first + 1} 0 R]`;
    const wanted = [
      [1, null, 'text', null],
      [2, 'a.txt: 1', 'text', null],
      [3, 'b.txt: 1', 'text', null],
    ];
    const inCatalog = pdfWith([listed], { unlisted: [other], catalog: af });
    expect(pagesOf(await harness.parse(pool, inCatalog))).toEqual(wanted);
    const ofPage = pdfWith([listed], { unlisted: [other], page: af }).toString('latin1');
    const inPdf2 = Buffer.from(ofPage.replace(/%PDF-1\.\d/u, '%PDF-2.0'), 'latin1');
    expect(pagesOf(await harness.parse(pool, inPdf2))).toEqual(wanted);
  });

  test('and the list itself is missing, then associated files are read', async () => {
    const listless = pdfWith([], { unlisted: [text('b.txt', 'Associated.')], catalog: `/AF [${firstSpecOf(1)} 0 R]` })
      .toString('latin1')
      .replace('/Names << /EmbeddedFiles << /Names [] >> >>', ' '.repeat(43));
    expect(pagesOf(await harness.parse(pool, Buffer.from(listless, 'latin1'))).slice(1)).toEqual([
      [2, 'b.txt: 1', 'text', null],
    ]);
  });

  test('and a PDF among them is broken, then it is repaired as an uploaded one is', async () => {
    const whole = pdfWith([]);
    const data = whole.subarray(0, whole.lastIndexOf('xref', whole.length - 20) - 5);
    const parsed = await harness.parse(pool, pdfWith([{ name: 'a.pdf', data }, text('b.txt', 'Behind it.')]));
    expect(chunksOf(parsed)).toEqual([
      [1, null, 'Cover.'],
      [2, 'a.pdf', 'Cover.'],
      [3, 'b.txt', 'Behind it.'],
    ]);
  });

  test('and their names are odd, then the labels are plain', async () => {
    const { pages } = await harness.parse(
      pool,
      pdfWith([text('..\\\\..\\\\etc/pass\\nwd.txt', 'One.'), text(`${'x'.repeat(500)}.txt`, 'Two.')]),
    );
    expect(pages.slice(1).map(({ label }) => label)).toEqual(['pass wd.txt: 1', `${'x'.repeat(196)}.txt: 1`]);
  });
});

describe('When a file within a PDF cannot be read', () => {
  test.each<[string, () => Promise<File> | File, string]>([
    ['is broken', () => text('a.pdf', '%PDF-1.7 and nothing else'), 'ATTACHMENT_UNREADABLE'],
    [
      'is no text',
      () => ({ name: 'a.txt', data: Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x01\x02', 'latin1') }),
      'ATTACHMENT_UNREADABLE',
    ],
    ['needs a password', async () => ({ name: 'a.pdf', data: await encryptedPdf() }), 'ATTACHMENT_ENCRYPTED'],
    [
      'is protected by rights management',
      () => ({
        name: 'MicrosoftIRMServices Protected PDF.pdf',
        data: Buffer.from(
          rawPdf([
            '<< /Type /Catalog /Pages 2 0 R >>',
            '<< /Type /Pages /Kids [] /Count 0 >>',
            '<< /Filter /MicrosoftIRMServices /V 1 >>',
          ])
            .toString('latin1')
            .replace('/Root 1 0 R', '/Root 1 0 R /Encrypt 3 0 R /ID [(a) (a)]'),
          'latin1',
        ),
      }),
      'ATTACHMENT_ENCRYPTED',
    ],
    ['is too large', () => ({ name: 'a.txt', data: Buffer.alloc(65 * 2 ** 20, 'word ') }), 'ATTACHMENT_LIMIT'],
  ])('because it %s, then a page stands for it', async (_, make, code) => {
    const file = await make();
    const parsed = await harness.parse(pool, pdfWith([file, text('b.txt', 'Behind it.')]));
    expect(parsed.pages.map(({ outcome, errorCode }) => [outcome, errorCode])).toEqual([
      ['text', null],
      ['failed', code],
      ['text', null],
    ]);
    expect(parsed.pages[1]?.label).toBe(file.name);
  });

  test('because it ends the process, then the others are read', async () => {
    const small = harness.pool({ maxRssBytes: 380 * 2 ** 20 });
    const bomb: File = { name: 'bomb.txt', data: Buffer.alloc(400 * 2 ** 20) };
    const parsed = await harness.parse(small, pdfWith([bomb, text('b.txt', 'Behind it.')]));
    expect(pagesOf(parsed)).toEqual([
      [1, null, 'text', null],
      [2, 'bomb.txt', 'failed', 'ATTACHMENT_UNREADABLE'],
      [3, 'b.txt: 1', 'text', null],
    ]);
  });

  test('and failed pages are read again, then it is not opened, and the pages behind it keep their numbers', async () => {
    const file = pdfWith([text('a.txt', 'Readable by now.'), text('b.txt', 'Behind it.')]);
    const parsed = await harness.parse(pool, file, { pages: [3], unreadFiles: [2] });
    expect(pagesOf(parsed)).toEqual([[3, 'b.txt: 1', 'text', null]]);
    expect(chunksOf(parsed)).toEqual([[3, 'b.txt', 'Behind it.']]);
  });
});

describe('When a file within a PDF is of another type', () => {
  const files = [{ name: 'invoice.xml', data: Buffer.from('<a/>'), mediaType: 'text/xml' }];

  test('and the PDF is a document, then the file is ignored and named', async () => {
    const parsed = await harness.parse(pool, pdfWith(files));
    expect(pagesOf(parsed)).toEqual([[1, null, 'text', null]]);
    expect(parsed.ignoredFiles).toEqual(['invoice.xml']);
  });

  test('and the PDF is a portfolio, then a page stands for the file', async () => {
    const parsed = await harness.parse(pool, pdfWith(files, portfolio));
    expect(pagesOf(parsed).slice(1)).toEqual([[2, 'invoice.xml', 'failed', 'ATTACHMENT_UNSUPPORTED']]);
    expect(parsed.ignoredFiles).toEqual([]);
  });
});

describe('When a PDF is an XFA form', () => {
  const form = (entries: string) =>
    pdfWith([], { catalog: `/AcroForm << /Fields [] /XFA [(template) 4 0 R] >> ${entries}` });

  test.each(['/NeedsRendering true', ''])(
    'that has no fields on its pages (%s), then a page stands for the form',
    async (entries) => {
      const parsed = await harness.parse(pool, form(entries));
      expect(pagesOf(parsed).slice(1)).toEqual([[2, 'XFA form', 'failed', 'PDF_XFA_FORM']]);
    },
  );
});
