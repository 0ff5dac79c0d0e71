import { MillraceError } from '@millrace/contracts';
import { ParserPool } from '@millrace/pdf';

export interface UnlockerLimits {
  /** How many files may wait for the one in hand; those beyond are sent away. */
  waiting: number;
  /** Longest that one file may take, in milliseconds. */
  timeoutMs: number;
  /** The same with its waiting: less than the time after which the server closes a connection on which nothing moves. */
  overallMs: number;
}

const defaultLimits: UnlockerLimits = { waiting: 4, timeoutMs: 90_000, overallMs: 105_000 };
/** When one that is sent away may come again. */
const retryAfterMs = 10_000;

/**
 * Takes the passwords off uploaded PDFs, one after the other, each in a process of its own that is started for it and
 * ends with it: a PDF may hang or crash the engine. This process holds a password no longer than its upload is answered,
 * but its memory is not wiped.
 */
export class Unlocker {
  private readonly pool: ParserPool;
  private inHand = 0;

  /** @param maxRssBytes what a process may hold in memory; measured: 400 MB for a PDF of 300 MB. */
  constructor(
    maxRssBytes: number,
    private readonly limits: UnlockerLimits = defaultLimits,
  ) {
    this.pool = new ParserPool({
      // Compiled even where this file is not, as in tests.
      entry: require.resolve('@millrace/pdf/dist/unlock/unlockProcess.js'),
      processes: 1,
      timeoutMs: limits.timeoutMs,
      maxRssBytes,
      recycleRssBytes: 0,
    });
  }

  /**
   * Writes a copy of the PDF `source` that needs no password to `target`.
   * @param gone aborted when nobody waits for the answer any more.
   * @returns false where there is no copy, because `source` needs no password or is broken.
   * @throws MillraceError PDF_PASSWORD_WRONG, PDF_ENCRYPTION_UNSUPPORTED, DOCUMENT_UNREADABLE, UNLOCK_TIMEOUT, UNLOCK_BUSY,
   *   UNLOCK_LOST, UPLOAD_INTERRUPTED, STORAGE_UNAVAILABLE or INTERNAL.
   */
  async unlock(source: string, password: string, target: string, gone?: AbortSignal): Promise<boolean> {
    if (this.inHand > this.limits.waiting) {
      throw busy();
    }
    this.inHand++;
    const ending = new AbortController();
    const overall = setTimeout(() => ending.abort(busy()), this.limits.overallMs);
    const leave = () => ending.abort(new MillraceError('UPLOAD_INTERRUPTED'));
    gone?.addEventListener('abort', leave, { once: true });
    if (gone?.aborted) {
      leave();
    }
    try {
      return (await this.pool.run({ source, password, target }, { signal: ending.signal })) === true;
    } catch (error) {
      throw atTheDoor(error);
    } finally {
      this.inHand--;
      clearTimeout(overall);
      gone?.removeEventListener('abort', leave);
    }
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

function busy(): MillraceError {
  return new MillraceError('UNLOCK_BUSY', undefined, { retryAfterMs });
}

/** The pool's errors speak of documents that are being read; here there is none yet. */
function atTheDoor(error: unknown): unknown {
  if (error instanceof MillraceError && error.code === 'DOCUMENT_TIMEOUT') {
    return new MillraceError('UNLOCK_TIMEOUT', undefined, { cause: error });
  }
  if (error instanceof MillraceError && error.code === 'READER_LOST') {
    return new MillraceError('UNLOCK_LOST', undefined, { cause: error });
  }
  return error;
}
