import type { Worker as Thread } from 'node:worker_threads';
import { MillraceError } from '@millrace/contracts';
import { createWorker, OEM, PSM, type Worker } from 'tesseract.js';
import type { GrayImage, TextLine } from '../types';
import { withLanguageData } from './languages';
import { type Reading, readingOf } from './lines';
import { turnedBack, upsideDown } from './upsideDown';

/**
 * Where the characters have less confidence (of 100) in the mean, the page may be upside down. Dense pages have 94, the same
 * upside down 20 to 31, scans of 67 dpi, of which two words in three are read, 64 to 69.
 */
const poorConfidence = 60;

interface Engine {
  worker: Worker;
  thread: Thread;
  /** Rejects when the engine's thread ends by itself. */
  died: Promise<never>;
}

/**
 * Recognizes text in images of pages, whichever way they are turned, with Tesseract in a thread of its own. The thread is
 * started with the first page, and replaced after a page that it did not survive. An engine that cannot be started is not
 * tried again.
 */
export class Recognizer {
  private starting: Promise<Engine> | null = null;
  private started: Engine | null = null;

  /**
   * @param timeoutMs the longest one page may take, the engine's start and a second look included.
   * @param languages by their codes in Tesseract; the first goes before the others where both would do.
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly languages: readonly string[],
  ) {}

  /**
   * When the second look does not come to its end, what the first has found is the result.
   * @throws MillraceError OCR_TIMEOUT, or OCR_FAILED when the engine cannot be started or breaks.
   */
  async recognize(image: GrayImage): Promise<TextLine[]> {
    let found: TextLine[] = [];
    const work = this.work(image, ({ lines }) => {
      found = lines;
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
      // One that is still starting will do for the next page.
      if (this.started !== null) {
        await this.close();
      }
      if (found.length > 0) {
        return found;
      }
      throw error instanceof MillraceError ? error : new MillraceError('OCR_FAILED', messageOf(error));
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }

  /** Ends the thread, also in the middle of a page. */
  async close(): Promise<void> {
    const { starting, started } = this;
    this.starting = null;
    this.started = null;
    if (started !== null) {
      await started.thread.terminate();
    } else {
      // Not waited for: it may be what hangs.
      starting?.then(({ thread }) => thread.terminate()).catch(() => undefined);
    }
  }

  private async work(image: GrayImage, onFirstLook: (reading: Reading) => void): Promise<TextLine[]> {
    this.starting ??= startEngine(this.languages);
    const { starting } = this;
    const engine = await starting;
    if (this.starting === starting) {
      this.started = engine;
    }
    return Promise.race([engine.died, recognizeWith(engine.worker, image, onFirstLook)]);
  }
}

function startEngine(languages: readonly string[]): Promise<Engine> {
  return withLanguageData(
    languages,
    (folder) =>
      new Promise((resolve, reject) => {
        // Data that cannot be loaded is told to the handler and to nobody else; a page that fails, to the caller as well.
        const errorHandler = (error: unknown) => reject(new Error(messageOf(error)));
        const options = { langPath: folder, cacheMethod: 'none', gzip: true, errorHandler };
        createWorker([...languages], OEM.LSTM_ONLY, options)
          .then(async (worker) => {
            // Without it, Tesseract takes the page for one block and reads straight across its columns.
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
 * Tesseract finds out by itself which lines run downwards, but not that text is upside down, or runs upwards: what it makes
 * of that is poor, and the page is then looked at the other way round.
 */
async function recognizeWith(
  worker: Worker,
  image: GrayImage,
  onFirstLook: (reading: Reading) => void,
): Promise<TextLine[]> {
  // Without it, Tesseract guesses, and says so on standard error.
  await worker.setParameters({ user_defined_dpi: String(image.dpi) });
  const asShown = await read(worker, image);
  onFirstLook(asShown);
  if (asShown.characters === 0 || asShown.confidence >= poorConfidence) {
    return asShown.lines;
  }
  const turned = await read(worker, upsideDown(image));
  const isBetter = turned.characters * turned.confidence > asShown.characters * asShown.confidence;
  return isBetter ? turned.lines.map(turnedBack) : asShown.lines;
}

async function read(worker: Worker, image: GrayImage): Promise<Reading> {
  const header = Buffer.from(`P5\n${image.width} ${image.height}\n255\n`, 'latin1');
  const { data } = await worker.recognize(Buffer.concat([header, image.pixels]), {}, { text: false, blocks: true });
  return readingOf(data.blocks ?? [], image);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
