import { dirname, join } from 'node:path';
import type { Worker as Thread } from 'node:worker_threads';
import { MillraceError } from '@millrace/contracts';
import { createWorker, OEM, type Worker } from 'tesseract.js';
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
 * page, and replaced after a page that it did not survive.
 */
export class Recognizer {
  private engine: Promise<Engine> | null = null;

  /** @param timeoutMs the longest one page may take, the engine's start included. */
  constructor(private readonly timeoutMs: number) {}

  /** @throws MillraceError OCR_TIMEOUT, or OCR_FAILED when the engine cannot be started or breaks. */
  async recognize(image: GrayImage): Promise<TextLine[]> {
    this.engine ??= startEngine();
    // One promise for both: a late failure of either must not go unheard.
    const work = this.engine.then((engine) => Promise.race([engine.died, recognizeWith(engine.worker, image)]));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new MillraceError('OCR_TIMEOUT', `Recognizing the text took longer than ${this.timeoutMs} ms.`));
      }, this.timeoutMs);
    });
    try {
      return await Promise.race([work, timeout]);
    } catch (error) {
      await this.close();
      throw error instanceof MillraceError ? error : new MillraceError('OCR_FAILED', messageOf(error));
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }

  /** Ends the thread, also in the middle of a page. */
  async close(): Promise<void> {
    const engine = this.engine;
    this.engine = null;
    await engine?.then(
      ({ thread }) => thread.terminate(),
      () => undefined,
    );
  }
}

async function startEngine(): Promise<Engine> {
  const worker = await createWorker('eng', OEM.LSTM_ONLY, {
    langPath: languageData,
    cacheMethod: 'none',
    gzip: true,
    // Without it a failed page is thrown where nobody can catch it; the failed call rejects anyway.
    errorHandler: () => undefined,
  });
  const { worker: thread } = worker as Worker & { worker: Thread };
  const died = new Promise<never>((_, reject) => {
    thread.on('error', reject);
    thread.on('exit', (code) => reject(new Error(`The OCR engine ended with code ${code}.`)));
  });
  died.catch(() => undefined);
  return { worker, thread, died };
}

async function recognizeWith(worker: Worker, image: GrayImage): Promise<TextLine[]> {
  const header = Buffer.from(`P5\n${image.width} ${image.height}\n255\n`, 'latin1');
  const { data } = await worker.recognize(Buffer.concat([header, image.pixels]), {}, { text: false, blocks: true });
  return linesOf(data.blocks ?? [], image);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
