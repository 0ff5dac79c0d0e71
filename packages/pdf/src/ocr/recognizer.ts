import type { Worker as Thread } from 'node:worker_threads';
import { MillraceError } from '@millrace/contracts';
import { createWorker, OEM, PSM, type Worker } from 'tesseract.js';
import type { GrayImage } from '../types';
import { withLanguageData } from './languages';
import { type RecognizedText, recognizedTextOf } from './recognizedText';
import { askewAgain, lineDirectionOf, straightened } from './skew';
import { asShown, toTheLeft, toTheRight, upsideDown } from './turns';

/**
 * A page with less mean confidence (of 100) may be upside down. Measured: dense pages have 94, the same pages upside down 20 to 31,
 * and scans of 67 dpi 64 to 69. Two in three words of such scans are read.
 */
const minUprightConfidence = 60;
/** A few characters look certain in any turn: "mill" is read as "nw". */
const fewCharacters = 20;
const minConfidenceOfFew = 90;

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
 * Recognizes the page so that its lines are level and upright. Tesseract loses words of lines that run downwards, and reads
 * nothing of lines that are upside down. Where a page lies askew, it reads across columns. Whether lines are upside down shows
 * only in the result: where that is poor, the page is turned around. Then the attempt that read more is taken.
 */
async function recognizeWith(
  worker: Worker,
  image: GrayImage,
  onFirstAttempt: (found: Recognition) => void,
): Promise<Recognition> {
  const { skew, isSideways } = lineDirectionOf(image);
  const straight = skew === 0 ? image : straightened(image, skew);
  // Without it, Tesseract guesses the resolution and reports that on standard error.
  await worker.setParameters({ user_defined_dpi: String(image.dpi) });
  let best: RecognizedText | null = null;
  // What only seems to run sideways, such as a drawing, is tried as it is, too.
  for (const turn of isSideways ? [toTheLeft, toTheRight, asShown] : [asShown, upsideDown]) {
    const found = await recognizeOnce(worker, turn.image(straight));
    const onPage = found.lines.map(turn.back).map((line) => (skew === 0 ? line : askewAgain(line, skew, image)));
    if (best === null) {
      onFirstAttempt({ ...found, lines: onPage });
    }
    if (best === null || found.characters * found.confidence > best.characters * best.confidence) {
      best = { ...found, lines: onPage };
    }
    if (isUpright(best) || (found.characters === 0 && !isSideways)) {
      break;
    }
  }
  return { lines: best?.lines ?? [], confidence: best?.confidence ?? 0 };
}

function isUpright({ characters, confidence }: RecognizedText): boolean {
  return confidence >= (characters < fewCharacters ? minConfidenceOfFew : minUprightConfidence);
}

async function recognizeOnce(worker: Worker, image: GrayImage): Promise<RecognizedText> {
  const header = Buffer.from(`P5\n${image.width} ${image.height}\n255\n`, 'latin1');
  const { data } = await worker.recognize(Buffer.concat([header, image.pixels]), {}, { text: false, blocks: true });
  return recognizedTextOf(data.blocks ?? [], image);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
