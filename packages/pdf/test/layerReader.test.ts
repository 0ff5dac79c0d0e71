import { readFileSync } from 'node:fs';
import { contentPdf, exchanged, fontPage, mappedPdf, rawPdf, rawStream, shownLines } from '@millrace/test-support';
import { LayerReader, openPdf, type ReadLayer } from '../src';
import { riverText, wrap } from './placedText';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

async function layerOf(pdf: Buffer): Promise<ReadLayer> {
  const file = await openPdf(await folder.write(pdf));
  const reader = new LayerReader(file);
  try {
    return await reader.read(1);
  } finally {
    await reader.close();
    file.close();
  }
}

const lines = wrap(riverText, 60);

/** A page that shows lines by the glyphs of an embedded font, and does not say what characters they are. */
function glyphsPdf(shown: readonly string[]): Buffer {
  const { create } = require('fontkit') as {
    create(bytes: Buffer): { glyphForCodePoint(code: number): { id: number; advanceWidth: number } };
  };
  const bytes = readFileSync(require.resolve('pdfjs-dist/standard_fonts/LiberationSans-Regular.ttf'));
  const font = create(bytes);
  const glyphOf = (character: string) => font.glyphForCodePoint(character.codePointAt(0) ?? 0);
  const widths = [...new Set(shown.join(''))].map((character) => {
    const { id, advanceWidth } = glyphOf(character);
    return `${id} [${Math.round((advanceWidth / 2048) * 1000)}]`;
  });
  return rawPdf([
    ...fontPage,
    shownLines(shown, (line) =>
      Buffer.concat(
        Array.from(line, (character) => {
          const { id } = glyphOf(character);
          return Buffer.from([id >> 8, id & 255]);
        }),
      ),
    ),
    '<< /Type /Font /Subtype /Type0 /BaseFont /Liberation /Encoding /Identity-H /DescendantFonts [6 0 R] >>',
    `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Liberation /FontDescriptor 7 0 R /W [${widths.join(' ')}]
      /CIDToGIDMap /Identity /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>`,
    `<< /Type /FontDescriptor /FontName /Liberation /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 900
      /Descent -200 /CapHeight 700 /StemV 80 /FontFile2 8 0 R >>`,
    rawStream(bytes.toString('latin1')),
  ]);
}

test('When codes are glyphs of an embedded font, then the table of the font tells the characters', async () => {
  const shown = ['Peněžní prostředky', 'na účtech: 12 345,60'];
  const { text, layer } = await layerOf(glyphsPdf(shown));
  expect(text.text).toBe(shown.join('\n'));
  expect(layer).toBe('replaced');
});

test.each([
  { kind: 'codes less 29', unicodeOf: (one: string) => String.fromCharCode(one.charCodeAt(0) - 29) },
  { kind: 'codes plus 5', unicodeOf: (one: string) => String.fromCharCode(one.charCodeAt(0) + 5) },
  { kind: 'bytes in the wrong order', unicodeOf: (one: string) => String.fromCharCode(one.charCodeAt(0) << 8) },
])('When a layer has $kind, then the text is repaired', async ({ unicodeOf }) => {
  const { text, layer } = await layerOf(mappedPdf(lines, unicodeOf));
  expect(text.text).toBe(lines.join('\n'));
  expect(text.lines[0]).toMatchObject({ x0: expect.closeTo(40 / 600, 2) });
  expect(layer).toBe('replaced');
});

test('When a font has only the names of its glyphs, then the second engine reads them, in their place', async () => {
  const letters = [...new Set(lines.join('').replaceAll(' ', ''))];
  const nameOf = (letter: string) => ({ ',': 'comma', '.': 'period' })[letter] ?? letter;
  const glyphs = letters.map((letter) => `/${nameOf(letter)} 6 0 R`).join(' ');
  const pdf = rawPdf([
    ...fontPage,
    shownLines(lines, (line) =>
      Buffer.from(Array.from(line, (letter) => (letter === ' ' ? 127 : letters.indexOf(letter) + 1))),
    ),
    `<< /Type /Font /Subtype /Type3 /FontBBox [0 0 10 10] /FontMatrix [0.1 0 0 0.1 0 0] /FirstChar 1 /LastChar 127
      /Widths [${Array(127).fill(5).join(' ')}] /Resources << >> /CharProcs << ${glyphs} /space 6 0 R >>
      /Encoding << /Type /Encoding /Differences [1 ${letters.map((letter) => `/${nameOf(letter)}`).join(' ')} 127 /space] >> >>`,
    rawStream('5 0 d0 0 0 4 4 re f'),
  ]);
  const { text, layer } = await layerOf(pdf);
  expect(text.text).toBe(lines.join('\n'));
  expect(text.lines[0]).toMatchObject({
    x0: expect.closeTo(40 / 600, 2),
    y1: expect.closeTo(40 / 400, 2),
    fontSize: expect.closeTo(14, 0),
  });
  expect(layer).toBe('replaced');
});

/** "中华人民" in GBK. The descendant is a dictionary where a list must be. */
const lostFontPdf = rawPdf([
  ...fontPage,
  shownLines(['中华人民'], () => Buffer.from('d6d0bbaac8cbc3f1', 'hex')),
  '<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding /GBK-EUC-H /DescendantFonts 6 0 R >>',
  `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /SimSun /FontDescriptor 7 0 R /DW 1000
    /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>`,
  '<< /Type /FontDescriptor /FontName /SimSun /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 900 /Descent -200 >>',
]);

test('When the first engine drops a font with a predefined encoding, then the second engine reads it', async () => {
  const { text, layer } = await layerOf(lostFontPdf);
  expect(text.text).toBe('中华人民');
  expect(layer).toBe('replaced');
});

test('When no font has a predefined encoding, then pages without text need no second engine', async () => {
  const mayHaveLostFonts = (pdf: Buffer) => folder.open(pdf, (file) => file.mayHaveLostFonts());
  expect(await mayHaveLostFonts(glyphsPdf(['Identity-H']))).toBe(false);
  expect(await mayHaveLostFonts(contentPdf(''))).toBe(false);
  expect(await mayHaveLostFonts(lostFontPdf)).toBe(true);
  const direct = contentPdf('')
    .toString('latin1')
    .replace(/\/F \d+ 0 R/u, '/F << /Encoding /UniJIS-UTF16-V >>');
  expect(await mayHaveLostFonts(Buffer.from(direct, 'latin1'))).toBe(true);
});

test('When nothing tells what the text is, then it is suspect', async () => {
  const { text, layer } = await layerOf(mappedPdf(lines, exchanged));
  expect(text.text).not.toContain('mill');
  expect(layer).toBe('suspect');
});

test('When the text is right, then it is left alone', async () => {
  const { text, layer, isOdd } = await layerOf(mappedPdf(lines, (one) => one));
  expect(text.text).toBe(lines.join('\n'));
  expect({ layer, isOdd }).toEqual({ layer: null, isOdd: false });
});
