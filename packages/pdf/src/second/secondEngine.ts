import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { TextLine } from '../types';

/** Longest that a page may take, in milliseconds, with the start of the engine. Pages take some ten to a hundred. */
const timeoutMs = 20_000;
/** A page with its fonts takes a fraction. */
const maxHeapMiB = 256;

/** What the thread answers: the page's lines, or null when it cannot be read. */
export type SecondReading = TextLine[] | null;

/**
 * Reads pages with pdf.js, which knows other fonts than the first engine does. It runs in a thread, which the first page
 * starts, because a broken file may make it hang. A page that ends the thread gives no text.
 */
export class SecondEngine {
  private thread: Worker | null = null;

  /** Reads the lines of a PDF with one page. Returns null when it cannot be read. One page at a time. */
  async read(pdf: Uint8Array): Promise<SecondReading> {
    this.thread ??= this.start();
    const { thread } = this;
    const answer = await new Promise<SecondReading | undefined>((resolve) => {
      const end = (reading?: SecondReading) => {
        clearTimeout(timer);
        thread.off('message', end).off('exit', onExit);
        resolve(reading);
      };
      const onExit = () => end();
      const timer = setTimeout(end, timeoutMs);
      thread.on('message', end).on('exit', onExit);
      thread.postMessage(pdf);
    });
    if (answer === undefined) {
      await this.close();
      return null;
    }
    return answer;
  }

  private start(): Worker {
    const thread = new Worker(join(__dirname, '../../dist/second/secondEngineThread.js'), {
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
      // Its warnings tell nothing that the outcome of the page does not.
      stdout: true,
      stderr: true,
    });
    // The thread may also end between two pages. Without a listener, its error would end this process.
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      this.thread = this.thread === thread ? null : this.thread;
    });
    return thread;
  }

  /** Ends the thread, even in the middle of a page. */
  async close(): Promise<void> {
    const { thread } = this;
    this.thread = null;
    await thread?.terminate();
  }
}
