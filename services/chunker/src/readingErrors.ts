import { MillraceError } from '@millrace/contracts';
import { TaskEndedError } from '@millrace/process-pool';

/** The codes of a page that ends the process that reads it. */
type PageCode = 'PAGE_TIMEOUT' | 'PAGE_TOO_LARGE' | 'PAGE_CRASHED';

/** An error for which one page is to blame. */
export class PageError extends MillraceError {
  constructor(
    override readonly code: PageCode,
    readonly page: number,
    message: string,
    cause: unknown,
  ) {
    super(code, message, { cause });
  }

  /** The same for a document that cannot be read without the page. */
  ofDocument(): MillraceError {
    const code = this.code === 'PAGE_TIMEOUT' ? 'DOCUMENT_TIMEOUT' : 'DOCUMENT_UNREADABLE';
    return new MillraceError(code, this.message, { cause: this });
  }
}

/**
 * What an error of a reading process means for the document. A PageError when a page is to blame; other errors of the
 * reader stay as they are.
 * @param page the page that the process was reading, or null before the first.
 */
export function toReadingError(error: unknown, page: number | null): unknown {
  if (error instanceof TaskEndedError) {
    return ofEnd(error, page);
  }
  if (page !== null && error instanceof MillraceError && error.code === 'DOCUMENT_UNREADABLE') {
    return new PageError('PAGE_CRASHED', page, `Page ${page}: ${error.message}`, error);
  }
  return error;
}

function ofEnd(error: TaskEndedError, page: number | null): MillraceError {
  const { end, message } = error;
  const options = { cause: error };
  switch (end.reason) {
    case 'taskTimedOut':
      return documentTimeout(options);
    case 'firstStepTimedOut':
      return new MillraceError('DOCUMENT_OPEN_TIMEOUT', `Opening took longer than ${end.limitMs} ms.`, options);
    case 'stepTimedOut':
      return page === null
        ? documentTimeout(options)
        : new PageError('PAGE_TIMEOUT', page, `Page ${page} took longer than ${end.limitMs} ms.`, error);
    case 'outOfMemory':
      return page === null
        ? new MillraceError('DOCUMENT_UNREADABLE', `The document cannot be opened. ${message}`, options)
        : new PageError('PAGE_TOO_LARGE', page, `Page ${page} cannot be read. ${message}`, error);
    case 'crashed':
      return page === null
        ? new MillraceError('DOCUMENT_UNREADABLE', `The document cannot be opened. ${message}`, options)
        : new PageError('PAGE_CRASHED', page, `Page ${page} cannot be read. ${message}`, error);
    case 'killed':
      // The kernel kills processes when memory is short, and any user may kill one. The document need not be the cause.
      return new MillraceError(
        'READER_LOST',
        `The process that read the document was killed by ${end.signal}.`,
        options,
      );
    case 'outgrown':
    case 'startTimedOut':
    case 'unavailable':
    case 'poolClosed':
      return new MillraceError('INTERNAL', `The document cannot be read here. ${message}`, options);
  }
}

export function documentTimeout(options?: { cause: unknown }): MillraceError {
  return new MillraceError('DOCUMENT_TIMEOUT', 'Reading the document took longer than DOCUMENT_TIMEOUT_MS.', options);
}
