import { blankPdf, drawnPdf, formBombPdf, type GrayPixels, imagePdf } from '@millrace/test-support';
import type { ReaderPool } from '../src/parseProtocol';
import { ReadingHarness } from './readingHarness';
import { scanned } from './scannedPage';

const sentences = [
  'The mill stands by the river and turns all day.',
  'Its wheel was built of oak in the year 1823.',
  'Farmers from five villages bring their grain to it.',
  'The miller keeps a tenth of the flour for himself.',
  'In winter the race freezes and the stones are dressed.',
  'Then the carpenter comes to mend the paddles.',
];

/** A quarter of a letter page, which takes a quarter of the time. */
const small = [306, 396] as const;

let harness: ReadingHarness;
let pool: ReaderPool;
let scan: GrayPixels;
beforeAll(async () => {
  harness = await ReadingHarness.create();
  pool = harness.pool();
  scan = await scanned(sentences.join('\n'), { size: [...small], margin: 36 });
});
afterAll(() => harness.dispose());

const paper: GrayPixels = { width: 100, height: 100, pixels: new Uint8Array(10_000).fill(250) };
/** A dark square and no words. */
const picture: GrayPixels = {
  width: 100,
  height: 100,
  pixels: new Uint8Array(10_000).map((_, index) => (index % 100 > 30 && index % 100 < 70 ? 60 : 255)),
};

function outcomes({ pages }: { pages: { outcome: string; errorCode: string | null }[] }): string[] {
  return pages.map(({ outcome, errorCode }) => errorCode ?? outcome);
}

describe('When pages of a PDF are images', () => {
  test('then pages with words get text and boxes, and repeated runs give the same result', async () => {
    const mixed = imagePdf(
      [{ image: scan }, { image: paper }, { image: picture }, { image: scan, text: 'Page 4' }],
      small,
    );
    const first = await harness.parse(pool, mixed);
    expect(outcomes(first)).toEqual(['ocr', 'empty', 'empty', 'ocr']);
    const text = first.chunks.map((chunk) => chunk.text).join(' ');
    const words = (string: string): string[] => string.match(/\w+/g) ?? [];
    expect(sentences.flatMap(words).filter((word) => !words(text).includes(word))).toEqual([]);
    expect(first.pages[0]).toMatchObject({ width: 306, height: 396, errorCode: null });
    expect(first.pages[0]?.characters).toBe(sentences.join('').replace(/\s/g, '').length);
    for (const { page, x0, y0, x1, y1 } of first.chunks.flatMap((chunk) => chunk.coordinates)) {
      expect([page, 0 <= x0 && x0 < x1 && x1 <= 1 && 0 <= y0 && y0 < y1 && y1 <= 1]).toEqual([page, true]);
    }
    // The text begins half an inch from the left and the top; the font has 11 points.
    expect(first.chunks[0]?.coordinates[0]?.x0).toBeCloseTo(36 / 306, 2);
    expect(first.chunks[0]?.coordinates[0]?.y0).toBeCloseTo(36 / 396, 1);
    const single = imagePdf([{ image: scan }], small);
    const alone = await harness.parse(pool, single);
    expect(alone.pages[0]).toEqual(first.pages[0]);
    expect(await harness.parse(harness.pool(), single)).toEqual(alone);
  });

  test('and they are rotated, then text and boxes follow the page as it is displayed', async () => {
    const turns = [0, 90, 180, 270] as const;
    const letter = await scanned(sentences.join('\n'));
    const pdf = imagePdf(turns.map((rotate) => ({ image: letter, rotate })));
    const parsed = await harness.parse(pool, pdf, { strategy: 'page' });
    expect(outcomes(parsed)).toEqual(['ocr', 'ocr', 'ocr', 'ocr']);
    expect(parsed.chunks.map(({ text }) => text.replace(/\s+/g, ' '))).toEqual(turns.map(() => sentences.join(' ')));
    const [upright, ...turned] = turns.map((_, index) => {
      const boxes = parsed.chunks[index]?.coordinates ?? [];
      return {
        x0: Math.min(...boxes.map(({ x0 }) => x0)),
        y0: Math.min(...boxes.map(({ y0 }) => y0)),
        x1: Math.max(...boxes.map(({ x1 }) => x1)),
        y1: Math.max(...boxes.map(({ y1 }) => y1)),
      };
    });
    const { x0 = 0, y0 = 0, x1 = 0, y1 = 0 } = upright ?? {};
    const expected = [
      { x0: 1 - y1, y0: x0, x1: 1 - y0, y1: x1 },
      { x0: 1 - x1, y0: 1 - y1, x1: 1 - x0, y1: 1 - y0 },
      { x0: y0, y0: 1 - x1, x1: y1, y1: 1 - x0 },
    ];
    const rounded = (box: object) => Object.values(box).map((edge: number) => Math.round(edge * 200));
    expect(turned.map(rounded)).toEqual(expected.map(rounded));
    expect(parsed.pages.map(({ width, height }) => [width, height])).toEqual([
      [612, 792],
      [792, 612],
      [612, 792],
      [792, 612],
    ]);
  });

  test('and OCR is off, then the pages are empty', async () => {
    expect(outcomes(await harness.parse(pool, imagePdf([{ image: scan }], small), { mode: 'off' }))).toEqual(['empty']);
  });

  test('and they have a single short line, then it is read with OCR on, but not with automatic OCR', async () => {
    const short = imagePdf([{ image: await scanned('A single line.') }]);
    expect(outcomes(await harness.parse(pool, short))).toEqual(['empty']);
    const read = await harness.parse(pool, short, { mode: 'on' });
    expect(read.chunks.map(({ text }) => text)).toEqual(['A single line.']);
    expect(outcomes(await harness.parse(pool, await blankPdf(1), { mode: 'on' }))).toEqual(['empty']);
  });

  test('and they exceed the page limit of OCR, then further pages fail with OCR_LIMIT, and progress reports name recognized pages', async () => {
    const pdf = imagePdf([{ image: scan }, { image: scan }, { image: paper }, { image: scan }], small);
    const steps: string[] = [];
    const parsed = await harness.parse(pool, pdf, {
      ocr: { maxPages: 1 },
      onPage: ({ page, pages, ocr }) => steps.push(`${page}/${pages}${ocr ? ' ocr' : ''}`),
    });
    expect(outcomes(parsed)).toEqual(['ocr', 'OCR_LIMIT', 'empty', 'OCR_LIMIT']);
    expect(steps).toEqual(['1/4', '1/4 ocr', '2/4', '3/4', '4/4']);
  });

  test('and the time for OCR is used up, then further pages with ink fail with OCR_LIMIT', async () => {
    const pdf = imagePdf([{ image: scan }, { image: paper }, { image: scan }], small);
    const parsed = await harness.parse(pool, pdf, { ocr: { totalMs: -1 } });
    expect(outcomes(parsed)).toEqual(['OCR_LIMIT', 'empty', 'OCR_LIMIT']);
  });

  test('and one takes too long to recognize, then only that page fails', async () => {
    const parsed = await harness.parse(pool, imagePdf([{ image: scan }, { image: paper }], small), {
      ocr: { pageTimeoutMs: 100 },
    });
    expect(outcomes(parsed)).toEqual(['OCR_TIMEOUT', 'empty']);
  });

  test('and a later page ends the process, then the earlier pages are not recognized again', async () => {
    const steps: string[] = [];
    const parsed = await harness.parse(pool, imagePdf([{ image: scan }, { image: scan }], small), {
      onPage: ({ page, ocr }) => {
        steps.push(`${page}${ocr ? ' ocr' : ''}`);
        // Recognition takes long enough for the signal to arrive while the process works on the page.
        if (page === 2 && ocr) {
          for (const pid of pool.pids) {
            process.kill(pid, 'SIGSEGV');
          }
        }
      },
    });
    expect(outcomes(parsed)).toEqual(['ocr', 'PAGE_CRASHED']);
    expect(steps).toEqual(['1', '1 ocr', '2', '2 ocr', '1']);
  });
});

describe('When pages are in another language', () => {
  const german = ['Die Mühle gehört dem Müller, und größer ist keine.', 'Hinter den Bäumen liegt süßes Heu.'];

  test('then OCR uses the configured languages, one or several', async () => {
    const pdf = imagePdf([{ image: await scanned(german.join('\n')) }]);
    const read = async (...languages: string[]) => {
      const { chunks } = await harness.parse(pool, pdf, { mode: 'on', ocr: { languages } });
      return chunks.map(({ text }) => text.replace(/\s+/g, ' ')).join(' ');
    };
    expect(await read('eng')).not.toContain('größer');
    expect(await read('deu')).toBe(german.join(' '));
    expect(await read('eng', 'deu')).toBe(german.join(' '));
  });
});

describe('When scans have a stamp as text', () => {
  const stamp = 'Case 1:20-cv-01234-ABC Document 12 Filed 01/02/20 Page 3 of 20';
  let dense: GrayPixels;
  beforeAll(async () => {
    dense = await scanned(Array(6).fill(sentences.join(' ')).join('\n\n'));
  });

  test('then their images are recognized, and a page whose image is not recognized fails', async () => {
    const pdf = imagePdf([
      { image: dense, text: stamp },
      { image: paper, text: stamp },
      { image: dense, text: stamp },
    ]);
    const parsed = await harness.parse(pool, pdf, { ocr: { maxPages: 1 } });
    expect(outcomes(parsed)).toEqual(['ocr', 'text', 'OCR_LIMIT']);
    expect(parsed.chunks.map((chunk) => chunk.text).join(' ')).toContain('The miller keeps a tenth of the flour');
  });

  test('and one takes too long to recognize, then the page fails with OCR_TIMEOUT', async () => {
    const pdf = imagePdf([{ image: dense, text: stamp }]);
    expect(outcomes(await harness.parse(pool, pdf, { ocr: { pageTimeoutMs: 100 } }))).toEqual(['OCR_TIMEOUT']);
  });
});

describe('When a page has a text layer', () => {
  test('and a drawing that cannot be recognized, then the text is kept', async () => {
    const pdf = await drawnPdf((document) => {
      document.addPage().fontSize(11).text('This page has a title and a drawing.').rect(100, 200, 300, 300).fill();
    });
    expect(outcomes(await harness.parse(pool, pdf, { mode: 'on', ocr: { maxPages: 0 } }))).toEqual(['text']);
  });

  test('then OCR is skipped, even if the page has many drawings', async () => {
    const pdf = formBombPdf(['This page has text enough to be read.'], { pages: [1], fanOut: 2, depth: 2 });
    expect(outcomes(await harness.parse(pool, pdf, { mode: 'on' }))).toEqual(['text']);
  });
});
