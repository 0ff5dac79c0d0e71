import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Worker as Thread } from 'node:worker_threads';
import { MillraceError } from '@millrace/contracts';
import { createWorker, OEM, PSM, type Worker } from 'tesseract.js';
import type { GrayImage, TextLine } from '../types';
import { linesOf } from './lines';

/** The language data that is installed with the program: nothing is downloaded. */
const languageData = join(dirname(require.resolve('@tesseract.js-data/eng/package.json')), '4.0.0');

interface Engine {
  worker: Worker;
  thread: Thread;
  /** Rejects when the engine's thread ends by itself. */
  died: Promise<never>;
}

/**
 * Recognizes English text in images of pages, with Tesseract in a thread of its own. The thread is started with the first
 * page, and replaced after a page that it did not survive. An engine that cannot be started is not tried again.
 */
export class Recognizer {
  private starting: Promise<Engine> | null = null;
  private started: Engine | null = null;

  /**
   * @param timeoutMs the longest one page may take, the engine's start included.
   * @param data the folder with the language data.
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly data = languageData,
  ) {}

  /** @throws MillraceError OCR_TIMEOUT, or OCR_FAILED when the engine cannot be started or breaks. */
  async recognize(image: GrayImage): Promise<TextLine[]> {
    const work = this.work(image);
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

  private async work(image: GrayImage): Promise<TextLine[]> {
    this.starting ??= startEngine(this.data);
    const { starting } = this;
    const engine = await starting;
    if (this.starting === starting) {
      this.started = engine;
    }
    return Promise.race([engine.died, recognizeWith(engine.worker, image)]);
  }
}

async function startEngine(data: string): Promise<Engine> {
  // Looked for first: of a thread that finds nothing to load, Tesseract gives no handle to end it by.
  await access(join(data, 'eng.traineddata.gz'));
  return new Promise((resolve, reject) => {
    // Data that cannot be loaded is told to the handler and to nobody else; a page that fails, to the caller as well.
    const errorHandler = (error: unknown) => reject(new Error(messageOf(error)));
    const options = { langPath: data, cacheMethod: 'none', gzip: true, errorHandler };
    createWorker('eng', OEM.LSTM_ONLY, options)
      .then(async (worker) => {
        // Without it, Tesseract takes the page for one block and reads straight across its columns.
        await worker.setParameters({ tessedit_pageseg_mode: PSM.AUTO });
        resolve(engineOf(worker));
      })
      .catch(reject);
  });
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

async function recognizeWith(worker: Worker, image: GrayImage): Promise<TextLine[]> {
  // Without it, Tesseract guesses, and says so on standard error.
  await worker.setParameters({ user_defined_dpi: String(image.dpi) });
  const header = Buffer.from(`P5\n${image.width} ${image.height}\n255\n`, 'latin1');
  const { data } = await worker.recognize(Buffer.concat([header, image.pixels]), {}, { text: false, blocks: true });
  return linesOf(data.blocks ?? [], image);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
