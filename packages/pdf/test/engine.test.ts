import {
  blankPdf,
  brokenPdf,
  contentPdf,
  drawnPdf,
  encryptedPdf,
  missingPagePdf,
  nulTextPdf,
  ownerEncryptedPdf,
  pagelessPdf,
  rawPdf,
  rawStream,
  textPdf,
} from '@millrace/test-support';
import { openPdf, type PageText, type TextLine } from '../src';
import { needsInliningFlag } from '../src/engine/pdfium';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

function lineWith(page: PageText, text: string): TextLine {
  const line = page.lines.find((each) => each.text.includes(text));
  if (line === undefined) {
    throw new Error(`No line contains "${text}": ${JSON.stringify(page.lines.map((each) => each.text))}`);
  }
  return line;
}

describe('When a page has a form', () => {
  const field = (appearance: string, { flags = 4 } = {}) =>
    rawPdf([
      '<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] >> >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Annots [6 0 R]
        /Resources << /Font << /F 5 0 R >> >> >>`,
      rawStream('BT /F 12 Tf 50 700 Td (Name) Tj ET'),
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
      `<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada) /Rect [150 690 350 720] /F ${flags} /AP << /N 7 0 R >> >>`,
      `<< /Type /XObject /Subtype /Form /BBox [0 0 200 30] /Resources << /Font << /F 5 0 R >> >>
        /Length ${appearance.length} >>\nstream\n${appearance}\nendstream`,
    ]);
  const filled = 'BT /F 12 Tf 0 10 Td (Ada Lovelace) Tj ET';

  test('then the values are text of the page, in their place, each time the page is read', async () => {
    await folder.open(field(filled), (file) => {
      const page = file.readPage(1);
      expect(page.text).toContain('Name');
      const value = lineWith(page, 'Ada Lovelace');
      expect(value.y0).toBeCloseTo((800 - 709) / 800, 1);
      expect(file.readPage(1)).toEqual(page);
    });
  });

  test('and a field is hidden, then its value is not read', async () => {
    await folder.open(field(filled, { flags: 2 }), (file) => expect(file.readPage(1).text).toBe('Name'));
  });
});

describe('When a PDF is opened', () => {
  test('and its title is very long, then the title is cut between characters', async () => {
    await folder.open(await textPdf(['A page.'], { info: { Title: `a${'🌾'.repeat(600)}` } }), (file) =>
      expect(file.info.title).toBe(`a${'🌾'.repeat(499)}`),
    );
  });

  test('and it contains text, then its page count, title and lines are read', async () => {
    const bytes = await textPdf(['First page.', 'Second page.'], { info: { Title: 'On Mills' } });
    await folder.open(bytes, (file) => {
      expect(file.info).toEqual({ pageCount: 2, title: 'On Mills', outline: [], repair: null, isPortfolio: false });
      expect(file.readPage(2)).toMatchObject({ page: 2, width: 612, height: 792, text: 'Second page.' });
      expect(file.pageSize(1)).toEqual({ width: 612, height: 792 });
    });
  });

  test('and it has an outline, then titles, levels and pages are read', async () => {
    const bytes = await drawnPdf((document) => {
      document.addPage().text('one');
      const chapter = document.outline.addItem('Chapter  1');
      document.addPage().text('two');
      chapter.addItem('Section 1.1');
      document.outline.addItem('Chapter 2 — ünï');
    });
    await folder.open(bytes, (file) => {
      expect(file.info.outline).toEqual([
        { title: 'Chapter 1', level: 1, page: 1 },
        { title: 'Section 1.1', level: 2, page: 2 },
        { title: 'Chapter 2 — ünï', level: 1, page: 2 },
      ]);
    });
  });

  test('and its outline is a circle, then each entry is read once', async () => {
    const bytes = rawPdf([
      '<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] >>',
      '<< /Type /Outlines /First 5 0 R /Last 6 0 R >>',
      '<< /Title (A) /Parent 4 0 R /Next 6 0 R /First 6 0 R >>',
      '<< /Title (B) /Parent 4 0 R /Next 5 0 R /First 5 0 R >>',
    ]);
    await folder.open(bytes, (file) => {
      expect(file.info.outline.map((entry) => entry.title).sort()).toEqual(['A', 'B']);
    });
  });

  test.each([
    ['it is broken', brokenPdf, 'PDF_CORRUPT'],
    ['it is empty', () => Buffer.alloc(0), 'PDF_CORRUPT'],
    ['it has no pages', pagelessPdf, 'PDF_CORRUPT'],
    ['it needs a password', encryptedPdf, 'PDF_ENCRYPTED'],
    [
      'it has an unknown encryption',
      async () => Buffer.from((await encryptedPdf()).toString('latin1').replace('/Standard', '/Sandward'), 'latin1'),
      'PDF_ENCRYPTION_UNSUPPORTED',
    ],
  ])('and %s, then the error is named', async (_why, make, code) => {
    const path = await folder.write(await make());
    await expect(openPdf(path)).rejects.toMatchObject({ name: 'MillraceError', code });
  });

  test('and it has more pages than allowed, then it is refused', async () => {
    const path = await folder.write(await blankPdf(3));
    await expect(openPdf(path, { maxPages: 2 })).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_MANY_PAGES',
      extra: { limit: 2 },
    });
    (await openPdf(path, { maxPages: 3 })).close();
  });

  test('and the file does not exist, then the error is that of the file system', async () => {
    await expect(openPdf('/nowhere/at-all.pdf')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('and it has only an owner password, then it is read', async () => {
    await folder.open(await ownerEncryptedPdf('For all readers.'), (file) => {
      expect(file.readPage(1).text).toBe('For all readers.');
    });
  });

  test('and it is closed twice, then the second call does nothing, and reading it fails', async () => {
    const file = await openPdf(await folder.write(await textPdf(['x'])));
    file.close();
    file.close();
    expect(() => file.readPage(1)).toThrow('closed');
  });
});

describe('When a page is read', () => {
  test('and it is blank, then it has no lines', async () => {
    await folder.open(await blankPdf(), (file) => {
      expect(file.readPage(1)).toMatchObject({ text: '', lines: [] });
    });
  });

  test('and it cannot be loaded, then it fails with PAGE_FAILED, and the other page is read', async () => {
    await folder.open(missingPagePdf(), (file) => {
      expect(() => file.readPage(2)).toThrow(expect.objectContaining({ code: 'PAGE_FAILED' }));
      expect(file.readPage(1).text).toBe('The first page is here.');
    });
  });

  test('and it does not exist, then a RangeError is thrown', async () => {
    await folder.open(await blankPdf(), (file) => {
      expect(() => file.readPage(0)).toThrow(RangeError);
      expect(() => file.readPage(2)).toThrow(RangeError);
    });
  });

  test('and its text has NUL and lone surrogates, then both are removed', async () => {
    await folder.open(nulTextPdf(), (file) => {
      const { text } = file.readPage(1);
      expect(text).not.toContain('\0');
      expect(text.isWellFormed()).toBe(true);
      expect(text).toMatch(/^A.?B.?C$/u);
    });
  });

  test('then a line has its box, size and weight', async () => {
    const bytes = contentPdf(
      'BT /F 10 Tf 60 700 Td (plain words) Tj ET BT /B 1 Tf 20 0 0 20 60 600 Tm (Bold words) Tj ET',
    );
    await folder.open(bytes, (file) => {
      const page = file.readPage(1);
      const plain = lineWith(page, 'plain');
      expect(plain).toMatchObject({ fontSize: 10, bold: false });
      expect(plain.x0).toBeCloseTo(0.1, 2);
      expect(plain.y0).toBeLessThan(1 - 700 / 800);
      expect(plain.y1).toBeGreaterThan(1 - 700 / 800);
      expect(plain.y1 - plain.y0).toBeLessThan(0.03);
      // The raw size is 1, and the matrix scales it to 20.
      expect(lineWith(page, 'Bold')).toMatchObject({ text: 'Bold words', fontSize: 20, bold: true });
    });
  });

  test.each([0, 90, 180, 270])(
    'and it is shown turned by %i degrees, then boxes are in the frame of the shown page',
    async (turn) => {
      // Four words, one near each corner of the unturned page.
      const content = [
        'BT /F 10 Tf 20 780 Td (topleft) Tj ET',
        'BT /F 10 Tf 540 740 Td (topright) Tj ET',
        'BT /F 10 Tf 20 10 Td (bottomleft) Tj ET',
        'BT /F 10 Tf 540 50 Td (bottomright) Tj ET',
      ].join('\n');
      const corners = ['topleft', 'topright', 'bottomright', 'bottomleft'];
      await folder.open(contentPdf(content, { page: `/Rotate ${turn}` }), (file) => {
        const page = file.readPage(1);
        expect([page.width, page.height]).toEqual(turn % 180 === 0 ? [600, 800] : [800, 600]);
        const shownAt = (corner: number) => corners[(corner + 4 - turn / 90) % 4] ?? '';
        const places = [0, 1, 2, 3].map((corner) => {
          const line = lineWith(page, shownAt(corner));
          return [(line.x0 + line.x1) / 2 > 0.5, (line.y0 + line.y1) / 2 > 0.5];
        });
        expect(places).toEqual([
          [false, false],
          [true, false],
          [true, true],
          [false, true],
        ]);
      });
    },
  );

  test('and its text runs upwards, then it is one line', async () => {
    await folder.open(contentPdf('BT /F 12 Tf 0 1 -1 0 50 100 Tm (written along the margin) Tj ET'), (file) => {
      const [line] = file.readPage(1).lines;
      expect(line?.text).toBe('written along the margin');
      expect((line?.y1 ?? 0) - (line?.y0 ?? 0)).toBeGreaterThan((line?.x1 ?? 0) - (line?.x0 ?? 0));
    });
  });

  test('and some text is outside of its box, then this text is left out', async () => {
    const content = 'BT /F 10 Tf 60 700 Td (inside) Tj ET BT /F 10 Tf 60 50 Td (outside) Tj ET';
    await folder.open(contentPdf(content, { page: '/CropBox [0 400 600 800]' }), (file) => {
      expect(file.readPage(1)).toMatchObject({ text: 'inside', height: 400 });
    });
  });

  test('and a hyphen splits a word at the end of a line, then the word is joined', async () => {
    const content =
      'BT /F 12 Tf 14 TL 60 700 Td (The long history of inter-) Tj T* (national trade and of Coca-) Tj T* (Cola.) Tj ET';
    const split = content.replace('inter-', 'manufac-').replace('national', 'turing');
    await folder.open(contentPdf(split), (file) => {
      expect(file.readPage(1).lines.map((line) => line.text)).toEqual([
        'The long history of manufacturing',
        'trade and of Coca-Cola.',
      ]);
    });
  });

  test('and a line has a superscript, then it stays one line', async () => {
    const content =
      'BT /F 12 Tf 60 700 Td (Net sales) Tj /F 7 Tf 5 Ts (1) Tj /F 12 Tf 0 Ts ( grew again) Tj ET ' +
      'BT /F 12 Tf 60 686 Td (this year.) Tj ET';
    await folder.open(contentPdf(content), (file) => {
      expect(file.readPage(1).lines.map((line) => line.text)).toEqual(['Net sales1 grew again', 'this year.']);
    });
  });

  test('and it has a table, then each row is a line, whatever order its cells were drawn in', async () => {
    const content =
      'BT /F 10 Tf 60 700 Td (Revenue) Tj ET BT /F 10 Tf 300 700 Td ($) Tj ET BT /F 10 Tf 340 700 Td (1,234) Tj ET ' +
      'BT /F 10 Tf 340 686 Td (56) Tj ET BT /F 10 Tf 60 686 Td (Costs) Tj ET';
    await folder.open(contentPdf(content), (file) => {
      expect(file.readPage(1).lines.map((line) => line.text)).toEqual(['Revenue\t$ 1,234', 'Costs\t56']);
    });
  });

  test('and gaps are as wide as between close cells, then they separate numbers, but not words', async () => {
    // A space of Helvetica is 2.78 points wide at this size; the cells are 10 apart, and so are the words.
    const row = (y: number, cells: readonly string[]) =>
      cells.map((cell, index) => `BT /F 10 Tf ${60 + index * 40} ${y} Td (${cell}) Tj ET`).join(' ');
    const content = [
      'BT /F 10 Tf 60 700 Td 10 Tw (Net sales) Tj 0 Tw ( $ 12,345) Tj ET',
      row(680, ['12,345', '67,890', '\\(1,234\\)', '\\227']),
    ].join(' ');
    await folder.open(contentPdf(content), (file) => {
      expect(file.readPage(1).lines.map((line) => line.text)).toEqual([
        'Net sales $ 12,345',
        '12,345\t67,890\t(1,234)\t—',
      ]);
    });
  });

  test('and it is read twice, then the result is the same', async () => {
    await folder.open(await textPdf(['Some words in a line. '.repeat(40)]), (file) => {
      expect(file.readPage(1)).toEqual(file.readPage(1));
    });
  });
});

test.each([
  ['20.19', '11.3.244.8-node.26', true],
  ['22', '12.4.254.21-node.57', true],
  ['24', '13.6.233.17-node.53', false],
])('When Node is version %s, then V8 gets the flag only where it knows it', (_node, v8, known) => {
  expect(needsInliningFlag(v8)).toBe(known);
});
