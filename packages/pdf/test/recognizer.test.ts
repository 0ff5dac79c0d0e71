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
async function halfTurned(): Promise<GrayImage> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-turned-'));
  const path = join(folder, 'page.pdf');
  const pdf = await drawnPdf((document) => {
    document
      .addPage({ size: [612, 792], margin: 0 })
      .fontSize(11)
      .text(upright, 72, 72)
      .rotate(180, { origin: [306, 396] });
    for (let line = 0; line < 12; line++) {
      document.text(turned, 72, 72 + 30 * line);
    }
  });
  await writeFile(path, pdf);
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
