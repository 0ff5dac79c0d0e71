import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { drawnPdf } from '@millrace/test-support';
import { type GrayImage, openPdf, Recognizer } from '../src';

const timeoutMs = 600_000;
const upright = 'The mill stands by the river and turns all day.';
const turned = 'Farmers from five villages bring their grain to it.';

/** A page with one upright line, and many lines below it that are upside down. */
function halfTurned(): Promise<GrayImage> {
  return drawn((document) => {
    document
      .addPage({ size: [612, 792], margin: 0 })
      .fontSize(11)
      .text(upright, 72, 72)
      .rotate(180, { origin: [306, 396] });
    for (let line = 0; line < 12; line++) {
      document.text(turned, 72, 72 + 30 * line);
    }
  });
}

/** The image of a drawn page. */
async function drawn(draw: Parameters<typeof drawnPdf>[0]): Promise<GrayImage> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-turned-'));
  const path = join(folder, 'page.pdf');
  await writeFile(path, await drawnPdf(draw));
  const file = await openPdf(path);
  try {
    const image = file.renderPage?.(1, { dpi: 200, maxPixels: 16_000_000 });
    if (image === undefined) {
      throw new Error('The engine cannot draw.');
    }
    return image;
  } finally {
    file.close();
    await rm(folder, { recursive: true });
  }
}

/** Calls `act` when the engine has been given its second image. */
function onSecondAttempt(act: () => void): jest.SpyInstance {
  const { postMessage } = Worker.prototype;
  let attempts = 0;
  return jest.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message, transfer) {
    postMessage.call(this, message, transfer);
    attempts += message.action === 'recognize' ? 1 : 0;
    if (message.action === 'recognize' && attempts === 2) {
      act();
    }
  });
}

describe('When an upside down page is read in two attempts', () => {
  let image: GrayImage;
  let recognizer: Recognizer;
  beforeAll(async () => {
    image = await halfTurned();
  });
  beforeEach(() => {
    recognizer = new Recognizer(timeoutMs, ['eng']);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    jest.useRealTimers();
    await recognizer?.close();
  });
  const lines = async () => (await recognizer.recognize(image)).lines.map((line) => line.text);

  test('then the better one counts', async () => {
    expect(await lines()).toContain(turned);
  });

  test('and the time for a page ends during the second, then the lines of the first are kept', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    onSecondAttempt(() => jest.advanceTimersByTime(timeoutMs));
    const found = await lines();
    expect(found).toContain(upright);
    expect(found).not.toContain(turned);
  });

  test('and the time ends before the first has ended, then OCR_TIMEOUT', async () => {
    recognizer = new Recognizer(1, ['eng']);
    await expect(lines()).rejects.toMatchObject({ code: 'OCR_TIMEOUT' });
  });
});

describe('When a small page has few lines', () => {
  const recognizer = new Recognizer(60_000, ['eng']);
  afterAll(() => recognizer.close());
  /** Lines of different lengths. Tesseract itself loses some of them where they run downwards. */
  const pages = [
    { size: [242, 305], fontSize: 8, lines: ['for for', 'river miller the Fridays and from'] },
    { size: [328, 258], fontSize: 14, lines: ['mill'] },
  ];

  test.each([0, 90, 180, 270])(
    'turned by %d degrees, then all of them are found',
    async (degrees) => {
      for (const { size, fontSize, lines } of pages) {
        const [width = 0, height = 0] = size;
        const isSideways = degrees % 180 === 90;
        const image = await drawn((document) => {
          document.addPage({ size: isSideways ? [height, width] : [width, height], margin: 0 }).fontSize(fontSize);
          const [right, down] = isSideways ? [height, width] : [width, height];
          document
            .translate(right / 2, down / 2)
            .rotate(degrees)
            .translate(-width / 2, -height / 2);
          for (const [row, line] of lines.entries()) {
            document.text(line, 20, 15 + row * 1.5 * fontSize, { lineBreak: false });
          }
        });
        const found = await recognizer.recognize(image);
        expect(found.lines.map(({ text }) => text)).toEqual(lines);
        const [line] = found.lines;
        const nearStart = { 0: line?.y0, 90: 1 - (line?.x1 ?? 0), 180: 1 - (line?.y1 ?? 0), 270: line?.x0 }[degrees];
        expect(nearStart).toBeLessThan(0.25);
      }
    },
    60_000,
  );
});
