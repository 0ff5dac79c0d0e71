import { rawPdf, rawStream } from '@millrace/test-support';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

const place = '/Rect [150 690 350 720]';
const appearance = (content: string) =>
  `<< /Type /XObject /Subtype /Form /BBox [0 0 200 30] /Resources << /Font << /F 5 0 R >> >>
   /Length ${content.length} >>\nstream\n${content}\nendstream`;
const drawn = (text: string) => appearance(`BT /F 12 Tf 0 10 Td (${text}) Tj ET`);

/** A page with the word "Name" and an annotation, which is object 6. More objects follow it. */
function annotated(annotation: string, { form = '', rotate = 0, more = [] as string[] } = {}): Buffer {
  return rawPdf([
    `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DA (/F 10 Tf) /DR << /Font << /F 5 0 R >> >> ${form} >> >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Rotate ${rotate} /Contents 4 0 R /Annots [6 0 R]
      /Resources << /Font << /F 5 0 R >> >> >>`,
    rawStream('BT /F 12 Tf 50 100 Td (Name) Tj ET'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    `<< /Type /Annot ${place} ${annotation} >>`,
    ...more,
  ]);
}

const linesIn = (file: Buffer) =>
  folder.open(file, (pdf) => {
    const { lines } = pdf.readPage(1);
    // Appearances become part of the page once. A later reading gives the same.
    expect(pdf.readPage(1).lines).toEqual(lines);
    return lines;
  });
const textsIn = async (file: Buffer) => (await linesIn(file)).map(({ text }) => text).filter((text) => text !== 'Name');

describe('When a form field has a value but no appearance', () => {
  const field = (entries: string) => annotated(`/Subtype /Widget /T (a) ${entries}`);

  test('then the value is text of the page, in its place', async () => {
    const lines = await linesIn(field('/FT /Tx /V (Ada Lovelace) /DA (/F 12 Tf)'));
    const value = lines.find(({ text }) => text === 'Ada Lovelace');
    expect(value).toMatchObject({ fontSize: 12, bold: false, x0: 0.25 });
    expect(value?.y0).toBeGreaterThan(80 / 800);
    expect(value?.y1).toBeLessThan(110 / 800);
  });

  test('then it is told apart from what an image of the page shows', async () => {
    await folder.open(field('/FT /Tx /V (Ada)'), (pdf) => {
      expect(pdf.readPage(1).undrawn?.map(({ text }) => text)).toEqual(['Ada']);
    });
  });

  test('and the page is turned, then the value is in its place on the shown page', async () => {
    const [value] = (await linesIn(annotated('/Subtype /Widget /T (a) /FT /Tx /V (Ada)', { rotate: 90 }))).filter(
      ({ text }) => text === 'Ada',
    );
    expect(value?.x0).toBeGreaterThanOrEqual(690 / 800 - 0.001);
    expect(value?.y0).toBeGreaterThanOrEqual(150 / 600);
    expect(value?.y1).toBeLessThanOrEqual(350 / 600);
  });

  test.each<[string, string, string[]]>([
    ['its text has several lines', '/FT /Tx /Ff 4096 /V (First\rSecond)', ['First', 'Second']],
    ['its text needs characters that the font lacks', '/FT /Tx /V <FEFF6C348ECA>', ['水車']],
    ['its text runs from right to left', '/FT /Tx /V <FEFF05E905DC05D505DD>', ['שלום']],
    ['it is a password', '/FT /Tx /Ff 8192 /V (secret)', []],
    ['it is hidden', '/FT /Tx /V (Ada) /F 2', []],
    ['it is not for viewing', '/FT /Tx /V (Ada) /F 32', []],
    ['it has no place', '/FT /Tx /V (Ada) /Rect [0 0 0 0]', []],
    ['it is a choice with a label', '/FT /Ch /Ff 131072 /V (de) /Opt [[(de) (Germany)] [(fr) (France)]]', ['Germany']],
    ['it is an own entry in a list of choices', '/FT /Ch /Ff 393216 /V (Spain) /Opt [(Germany)]', ['Spain']],
    ['several choices are selected', '/FT /Ch /Ff 2097152 /V [(a) (c)] /Opt [(a) (b) (c)]', ['a', 'c']],
    ['it is a checked box', '/FT /Btn /V /Yes /AS /Yes', ['✔']],
    ['it is a checked radio button', '/FT /Btn /Ff 32768 /V /One /AS /One', ['●']],
    ['it is a box that is not checked', '/FT /Btn /V /Off /AS /Off', []],
  ])('and %s, then what a reader sees is read', async (_, entries, texts) => {
    expect(await textsIn(field(entries))).toEqual(texts);
  });

  test('and the value is that of its parent, then it is read', async () => {
    const file = annotated('/Subtype /Widget /Parent 7 0 R', {
      form: '/Fields [7 0 R]',
      more: ['<< /T (a) /FT /Tx /V (Ada) /Kids [6 0 R] >>'],
    });
    expect(
      await textsIn(Buffer.from(file.toString('latin1').replace('/Fields [6 0 R]', '               '), 'latin1')),
    ).toEqual(['Ada']);
  });

  test('and the form does not list it, then it is read', async () => {
    const file = field('/FT /Tx /V (Ada)').toString('latin1').replace('/Fields [6 0 R]', '/Fields []     ');
    expect(await textsIn(Buffer.from(file, 'latin1'))).toEqual(['Ada']);
  });
});

describe('When a form field has an appearance', () => {
  const field = (content: string, { form = '', entries = '' } = {}) =>
    annotated(`/Subtype /Widget /T (a) /FT /Tx /V (Ada) /AP << /N 7 0 R >> ${entries}`, { form, more: [content] });

  test.each<[string, Buffer, string[]]>([
    ['that shows the value, then it is read once', field(drawn('Ada')), ['Ada']],
    ['that shows something else, then that is read', field(drawn('A. Lovelace')), ['A. Lovelace']],
    ['that is empty, then the value is read', field(appearance('/Tx BMC EMC')), ['Ada']],
    [
      'and viewers are to draw the value, then the value is read',
      field(drawn('Old'), { form: '/NeedAppearances true' }),
      ['Ada'],
    ],
    ['and is not for viewing, then it is not read', field(drawn('Ada'), { entries: '/F 32' }), []],
  ])('%s', async (_, file, texts) => {
    expect(await textsIn(file)).toEqual(texts);
  });

  test('for each state, and its file names none, then it counts as not checked', async () => {
    const box = (state: string) =>
      annotated(`/Subtype /Widget /T (a) /FT /Btn ${state} /AP << /N << /Yes 7 0 R /Off 8 0 R >> >>`, {
        more: [drawn('X'), drawn('')],
      });
    expect(await textsIn(box(''))).toEqual([]);
    expect(await textsIn(box('/AS /Off'))).toEqual([]);
    expect(await textsIn(box('/AS /Yes'))).toEqual(['X']);
  });
});

describe('When a page has annotations', () => {
  const withAppearance = (entries: string) => annotated(`${entries} /AP << /N 7 0 R >>`, { more: [drawn('Shown')] });

  test.each<[string, Buffer, string[]]>([
    ['free text', annotated('/Subtype /FreeText /Contents (Please check)'), ['Please check']],
    ['free text with an appearance', withAppearance('/Subtype /FreeText /Contents (Shown)'), ['Shown']],
    ['a stamp with an appearance', withAppearance('/Subtype /Stamp /Contents (A note)'), ['Shown']],
    ['a stamp that every viewer can draw', annotated('/Subtype /Stamp /Name /NotApproved'), ['NOT APPROVED']],
    ['a stamp of another program', annotated('/Subtype /Stamp /Name /CompanySeal'), []],
    ['a watermark', withAppearance('/Subtype /Watermark'), ['Shown']],
    ['a sticky note, whose text is not on the page', annotated('/Subtype /Text /Contents (A note)'), []],
    ['a hidden stamp', withAppearance('/Subtype /Stamp /F 2'), []],
  ])('then the text that a reader sees is read: %s', async (_, file, texts) => {
    expect(await textsIn(file)).toEqual(texts);
  });
});
