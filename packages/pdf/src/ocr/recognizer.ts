import type { Worker as Thread } from 'node:worker_threads';
import { MillraceError } from '@millrace/contracts';
import { createWorker, OEM, PSM, type Worker } from 'tesseract.js';
import type { GrayImage } from '../types';
import { withLanguageData } from './languages';
import { type RecognizedText, recognizedTextOf } from './recognizedText';
import { askewAgain, skewOf, straightened } from './skew';
import { turnedBack, upsideDown } from './upsideDown';

/**
 * A page with less mean confidence (of 100) may be upside down. Measured: dense pages have 94, the same pages upside down 20 to 31,
 * and scans of 67 dpi 64 to 69. Two in three words of such scans are read.
 */
const minUprightConfidence = 60;

/** What was read on a page. */
export type Recognition = Pick<RecognizedText, 'lines' | 'confidence'>;

interface Engine {
  worker: Worker;
  thread: Thread;
  /** Rejects when the engine's thread ends unexpectedly. */
  died: Promise<never>;
}

/**
 * Recognizes the text of page images with Tesseract, in any of the four directions, level or askew. Tesseract runs in a thread of its own, which
 * the first page starts. The thread is replaced after a page that ended it. An engine that cannot be started is not started again.
 */
export class Recognizer {
  private starting: Promise<Engine> | null = null;
  private started: Engine | null = null;

  /**
   * @param timeoutMs The time limit of one page, including the start of the engine and a second attempt upside down.
   * @param languages Tesseract's codes of the languages. The first is preferred when the text may be in several.
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly languages: readonly string[],
  ) {}

  /**
   * Recognizes the lines of one page. When the time ends during the second attempt, the result is that of the first.
   * @throws MillraceError OCR_TIMEOUT, or OCR_FAILED when the engine cannot be started or breaks.
   */
  async recognize(image: GrayImage): Promise<Recognition> {
    let found: Recognition | null = null;
    const work = this.work(image, (first) => {
      found = first.lines.length > 0 ? first : null;
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new MillraceError('OCR_TIMEOUT', `Recognizing the text took longer than ${this.timeoutMs} ms.`));
      }, this.timeoutMs);
    });
    try {
      return await Promise.race([work, timeout]);
    } catch (error) {
      // An engine that is still starting is kept for the next page.
      if (this.started !== null) {
        await this.close();
      }
      if (found !== null) {
        return found;
      }
      throw error instanceof MillraceError ? error : new MillraceError('OCR_FAILED', messageOf(error));
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }

  /** Ends the thread, even in the middle of a page. */
  async close(): Promise<void> {
    const { starting, started } = this;
    this.starting = null;
    this.started = null;
    if (started !== null) {
      await started.thread.terminate();
    } else {
      // The start may never end, so it is not awaited.
      starting?.then(({ thread }) => thread.terminate()).catch(() => undefined);
    }
  }

  private async work(image: GrayImage, onFirstAttempt: (found: Recognition) => void): Promise<Recognition> {
    this.starting ??= startEngine(this.languages);
    const { starting } = this;
    const engine = await starting;
    if (this.starting === starting) {
      this.started = engine;
    }
    return Promise.race([engine.died, recognizeWith(engine.worker, image, onFirstAttempt)]);
  }
}

function startEngine(languages: readonly string[]): Promise<Engine> {
  return withLanguageData(
    languages,
    (folder) =>
      new Promise((resolve, reject) => {
        // The handler alone learns that data cannot be loaded. It also learns of pages that fail, as the caller does.
        const errorHandler = (error: unknown) => reject(new Error(messageOf(error)));
        const options = { langPath: folder, cacheMethod: 'none', gzip: true, errorHandler };
        createWorker([...languages], OEM.LSTM_ONLY, options)
          .then(async (worker) => {
            // By default, Tesseract takes the page for one block and reads across its columns.
            await worker.setParameters({ tessedit_pageseg_mode: PSM.AUTO });
            resolve(engineOf(worker));
          })
          .catch(reject);
      }),
  );
}

function engineOf(worker: Worker): Engine {
  const { worker: thread } = worker as Worker & { worker: Thread };
  const died = new Promise<never>((_, reject) => {
    thread.on('error', reject);
    thread.on('exit', (code) => reject(new Error(`The OCR engine ended with code ${code}.`)));
  });
  died.catch(() => undefined);
  return { worker, thread, died };
}

/**
 * Recognizes the page as it is shown, but straight, and, when the result is poor, upside down. Tesseract detects lines that
 * run downwards, but not lines that are upside down or run upwards. Where a page lies askew, it reads across columns.
 */
async function recognizeWith(
  worker: Worker,
  image: GrayImage,
  onFirstAttempt: (found: Recognition) => void,
): Promise<Recognition> {
  const skew = skewOf(image);
  const straight = skew === 0 ? image : straightened(image, skew);
  const onPage = ({ lines, confidence }: RecognizedText): Recognition => ({
    lines: skew === 0 ? lines : lines.map((line) => askewAgain(line, skew, image)),
    confidence,
  });
  // Without it, Tesseract guesses the resolution and reports that on standard error.
  await worker.setParameters({ user_defined_dpi: String(image.dpi) });
  const asShown = await recognizeOnce(worker, straight);
  onFirstAttempt(onPage(asShown));
  if (asShown.characters === 0 || asShown.confidence >= minUprightConfidence) {
    return onPage(asShown);
  }
  const turned = await recognizeOnce(worker, upsideDown(straight));
  const isBetter = turned.characters * turned.confidence > asShown.characters * asShown.confidence;
  return onPage(isBetter ? { ...turned, lines: turned.lines.map(turnedBack) } : asShown);
}

async function recognizeOnce(worker: Worker, image: GrayImage): Promise<RecognizedText> {
  const header = Buffer.from(`P5\n${image.width} ${image.height}\n255\n`, 'latin1');
  const { data } = await worker.recognize(Buffer.concat([header, image.pixels]), {}, { text: false, blocks: true });
  return recognizedTextOf(data.blocks ?? [], image);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
