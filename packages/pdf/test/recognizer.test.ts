import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawnPdf } from '@millrace/test-support';
import { type GrayImage, openPdf, Recognizer } from '../src';

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

/** The result within the time limit: a timeout, or the attempt that its lines come from. */
async function attemptWithin(image: GrayImage, timeoutMs: number): Promise<'timeout' | 'first' | 'second'> {
  const recognizer = new Recognizer(timeoutMs, ['eng']);
  try {
    const text = (await recognizer.recognize(image)).lines.map((line) => line.text);
    expect(text).toContain(text.includes(turned) ? turned : upright);
    return text.includes(turned) ? 'second' : 'first';
  } catch (error) {
    expect(error).toMatchObject({ code: 'OCR_TIMEOUT' });
    return 'timeout';
  } finally {
    await recognizer.close();
  }
}

test('When the time for a page ends during the second attempt, then the lines of the first attempt are kept', async () => {
  const image = await halfTurned();
  const began = performance.now();
  expect(await attemptWithin(image, 60_000)).toBe('second');
  // A binary search finds the time limit: with too little time there is no result, with too much the second attempt ends.
  let [tooShort, tooLong] = [0, performance.now() - began];
  let result: string = 'none';
  for (let tries = 0; tries < 12 && result !== 'first'; tries++) {
    const timeoutMs = (tooShort + tooLong) / 2;
    result = await attemptWithin(image, timeoutMs);
    [tooShort, tooLong] = result === 'timeout' ? [timeoutMs, tooLong] : [tooShort, timeoutMs];
  }
  expect(result).toBe('first');
}, 120_000);
