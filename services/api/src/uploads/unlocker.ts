import { MillraceError } from '@millrace/contracts';
import { type UnlockProtocol, unlockProgram } from '@millrace/pdf';
import { ProcessPool, TaskEndedError } from '@millrace/process-pool';

export interface UnlockerLimits {
  /** How many files may wait for the current one; those beyond are refused. */
  waiting: number;
  /** Longest that one file may take, in milliseconds. */
  timeoutMs: number;
  /** The same with its waiting. It must be less than the time after which the server closes an idle connection. */
  overallMs: number;
}

const defaultLimits: UnlockerLimits = { waiting: 4, timeoutMs: 90_000, overallMs: 105_000 };
/** When a refused upload may be sent again. */
const retryAfterMs = 10_000;

/**
 * Removes the passwords of uploaded PDFs, one after the other. Each file has a process that is started for it and ends with
 * it, because a PDF may hang or crash the engine. This process holds a password only until its upload is answered, but
 * does not wipe it from memory.
 */
export class Unlocker {
  private readonly pool: ProcessPool<UnlockProtocol>;
  private current = 0;

  /** @param maxRssBytes what a process may hold in memory; measured: 400 MB for a PDF of 300 MB. */
  constructor(
    maxRssBytes: number,
    private readonly limits: UnlockerLimits = defaultLimits,
  ) {
    this.pool = new ProcessPool({
      entry: unlockProgram,
      processes: 1,
      limits: { timeoutMs: limits.timeoutMs, maxRssBytes },
      recycleRssBytes: 0,
    });
  }

  /**
   * Writes a copy of the PDF `source`, which opens with `password`, to `target`. The copy needs no password.
   * @param gone is aborted when the client no longer waits for the answer.
   * @returns false when no copy was made, because `source` needs no password or is broken.
   * @throws MillraceError PDF_PASSWORD_WRONG, PDF_ENCRYPTION_UNSUPPORTED, DOCUMENT_UNREADABLE, UNLOCK_TIMEOUT,
   *   UNLOCK_BUSY, UNLOCK_LOST, UPLOAD_INTERRUPTED, STORAGE_UNAVAILABLE or INTERNAL.
   */
  async unlock(request: UnlockProtocol['request'], gone?: AbortSignal): Promise<boolean> {
    if (this.current > this.limits.waiting) {
      throw busy();
    }
    this.current++;
    const ending = new AbortController();
    const overall = setTimeout(() => ending.abort(busy()), this.limits.overallMs);
    const leave = () => ending.abort(new MillraceError('UPLOAD_INTERRUPTED'));
    gone?.addEventListener('abort', leave, { once: true });
    if (gone?.aborted) {
      leave();
    }
    try {
      return await this.pool.run(request, { signal: ending.signal });
    } catch (error) {
      throw error instanceof TaskEndedError ? toUploadError(error) : error;
    } finally {
      this.current--;
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

/** What the end of the process means for the upload. */
function toUploadError(error: TaskEndedError): MillraceError {
  const options = { cause: error };
  switch (error.end.reason) {
    case 'taskTimedOut':
    case 'firstStepTimedOut':
    case 'stepTimedOut':
      return new MillraceError('UNLOCK_TIMEOUT', undefined, options);
    case 'killed':
      return new MillraceError('UNLOCK_LOST', undefined, options);
    case 'outOfMemory':
    case 'crashed':
      return new MillraceError('DOCUMENT_UNREADABLE', `The password cannot be removed. ${error.message}`, options);
    case 'outgrown':
    case 'startTimedOut':
    case 'unavailable':
    case 'poolClosed':
      return new MillraceError('INTERNAL', `The password cannot be removed. ${error.message}`, options);
  }
}
