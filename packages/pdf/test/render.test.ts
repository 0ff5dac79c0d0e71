import { contentPdf, drawnPdf, missingPagePdf, rawPdf, rawStream } from '@millrace/test-support';
import { inkOf, openPdf, Recognizer } from '../src';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

async function render(bytes: Buffer, page = 1, options = { dpi: 72, maxPixels: 10_000_000 }) {
  const file = await openPdf(await folder.write(bytes));
  try {
    return file.renderPage?.(page, options);
  } finally {
    file.close();
  }
}

/** A page of this size whose upper half is black. */
function halfBlackPdf(width: number, height: number, more = ''): Buffer {
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents 4 0 R ${more} >>`,
    rawStream(`0 0 0 rg 0 ${height / 2} ${width} ${height / 2} re f`),
  ]);
}

describe('When a page is drawn', () => {
  test('then the image has the resolution asked for, begins at the top left, and its share of ink is known', async () => {
    const image = await render(halfBlackPdf(200, 100), 1, { dpi: 144, maxPixels: 10_000_000 });
    expect(image).toMatchObject({ width: 400, height: 200, dpi: 144 });
    expect([image?.pixels[0], image?.pixels.at(-1)]).toEqual([0, 255]);
    expect(image && inkOf(image)).toBeCloseTo(0.5, 2);
  });

  test('and it is turned, then it is drawn as it is shown', async () => {
    const image = await render(halfBlackPdf(200, 100, '/Rotate 90'));
    expect(image).toMatchObject({ width: 100, height: 200 });
    expect([image?.pixels[0], image?.pixels[99]]).toEqual([255, 0]);
  });

  test.each([
    [14_400, 14_400],
    [1e9, 1e9],
    [1e9, 1],
    [0.001, 5_000_000],
  ])(
    'and it claims a size of %d by %d points, then the image has at most the allowed pixels',
    async (width, height) => {
      const image = await render(halfBlackPdf(width, height), 1, { dpi: 200, maxPixels: 1_000_000 });
      expect(image?.pixels.length).toBe((image?.width ?? 0) * (image?.height ?? 0));
      expect(image?.pixels.length).toBeLessThanOrEqual(1_000_000);
      expect(image?.pixels.length).toBeGreaterThan(0);
    },
  );

  test('and it has colours, then they are drawn as grays', async () => {
    const image = await render(await drawnPdf((document) => document.addPage().rect(0, 0, 612, 792).fill('#ff0000')));
    expect(image?.pixels[0]).toBeGreaterThan(40);
    expect(image?.pixels[0]).toBeLessThan(140);
  });

  test('and it is missing from the file, then it fails with PAGE_FAILED', async () => {
    await expect(render(missingPagePdf(), 2)).rejects.toMatchObject({ code: 'PAGE_FAILED' });
  });
});

describe('When the OCR engine cannot be started', () => {
  test('then its pages fail with OCR_FAILED', async () => {
    const recognizer = new Recognizer(60_000, ['nowhere']);
    const white = { width: 200, height: 200, pixels: new Uint8Array(40_000).fill(255), dpi: 200 };
    await expect(recognizer.recognize(white)).rejects.toMatchObject({ code: 'OCR_FAILED' });
    await expect(recognizer.recognize(white)).rejects.toMatchObject({ code: 'OCR_FAILED' });
    await recognizer.close();
  });
});

describe('When the OCR engine cannot read an image', () => {
  test('then that page fails with OCR_FAILED, and the next page is read', async () => {
    const recognizer = new Recognizer(60_000, ['eng']);
    const none = { width: 0, height: 0, pixels: new Uint8Array(), dpi: 200 };
    await expect(recognizer.recognize(none)).rejects.toMatchObject({ code: 'OCR_FAILED' });
    const white = { width: 200, height: 200, pixels: new Uint8Array(40_000).fill(255), dpi: 200 };
    await expect(recognizer.recognize(white)).resolves.toEqual({ lines: [], confidence: 0 });
    await recognizer.close();
    await recognizer.close();
  });
});

describe('When an image has two columns and lies askew', () => {
  test('then the left column is read before the right one', async () => {
    const left = [
      'The mill stands by',
      'the river and its',
      'wheel turns day',
      'and night without',
      'a pause in summer',
    ];
    const right = [
      'Wheat comes from',
      'the hills in carts',
      'and leaves as flour',
      'for the bakers of',
      'the whole valley',
    ];
    const column = (lines: string[], x: number) =>
      lines.map((line, row) => `BT /F 14 Tf ${x} ${700 - 18 * row} Td (${line}) Tj ET`).join(' ');
    const turn = '0.9976 0.0698 -0.0698 0.9976 30 -20 cm';
    const image = await folder.open(contentPdf(`${turn} ${column(left, 60)} ${column(right, 330)}`), (file) =>
      file.renderPage?.(1, { dpi: 200, maxPixels: 10_000_000 }),
    );
    const recognizer = new Recognizer(60_000, ['eng']);
    try {
      const lines = image ? (await recognizer.recognize(image)).lines : [];
      expect(lines.map((line) => line.text)).toEqual([...left, ...right]);
    } finally {
      await recognizer.close();
    }
  });
});
