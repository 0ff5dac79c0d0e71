import { MillraceError } from '@millrace/contracts';
import type { ParserChild } from './child';
import { residentBytes } from './memoryLimit';
import type { PageStep } from './protocol';

export interface Limits {
  /** What is left for the task, in milliseconds. */
  timeoutMs: number;
  /** Whether the task has been begun before, in a child that a page of it ended. */
  begunBefore: boolean;
  /** From when the child is ready until the task is at its first page, in milliseconds; undefined for no limit but the task's. */
  openTimeoutMs: number | undefined;
  /** For each page that names no limit of its own, in milliseconds. */
  pageTimeoutMs: number;
  /** Resident memory of the child, in bytes (on Linux only). */
  maxRssBytes: number;
}

const megabyte = 1024 * 1024;
const memoryCheckMs = 250;

/** Kills the child when its task, the opening of it or the page it is at takes too long, or when it takes too much memory. */
export class TaskLimits {
  private readonly deadline: NodeJS.Timeout;
  private readonly memory: NodeJS.Timeout;
  /** That of opening, then of one page after the other. */
  private stepDeadline: NodeJS.Timeout | undefined;
  private watching = true;

  constructor(
    private readonly child: ParserChild,
    private readonly limits: Limits,
  ) {
    const { timeoutMs, begunBefore, openTimeoutMs } = limits;
    this.deadline = setTimeout(() => {
      child.kill(
        // What a task that is begun again has left may be less than a start takes: its pages took the rest.
        child.ready || begunBefore
          ? new MillraceError('DOCUMENT_TIMEOUT', 'Reading the PDF took longer than it may.')
          : new MillraceError('INTERNAL', `The parser process did not start within ${timeoutMs} ms.`),
      );
    }, timeoutMs);
    this.memory = setInterval(() => void this.checkMemory(), memoryCheckMs);
    if (openTimeoutMs !== undefined) {
      child.whenReady(() => this.beginOpening(openTimeoutMs));
    }
  }

  /** The child begins with another page, or with another step of it. */
  atPage({ page, limitMs = this.limits.pageTimeoutMs }: PageStep): void {
    this.beginStep(limitMs, () => pageError('PAGE_TIMEOUT', page, `Page ${page} took longer than ${limitMs} ms.`));
  }

  end(): void {
    this.watching = false;
    clearTimeout(this.deadline);
    clearTimeout(this.stepDeadline);
    clearInterval(this.memory);
  }

  private beginOpening(limitMs: number): void {
    if (this.watching) {
      const message = `Opening took longer than ${limitMs} ms.`;
      this.beginStep(limitMs, () => new MillraceError('DOCUMENT_OPEN_TIMEOUT', message));
    }
  }

  private beginStep(limitMs: number, tooLong: () => MillraceError): void {
    clearTimeout(this.stepDeadline);
    const deadline = setTimeout(() => {
      // This process may have been busy, and the message of the next page may be waiting: it is taken first.
      setImmediate(() => {
        if (this.watching && this.stepDeadline === deadline) {
          this.child.kill(tooLong());
        }
      });
    }, limitMs);
    this.stepDeadline = deadline;
  }

  private async checkMemory(): Promise<void> {
    const { child, limits } = this;
    const bytes = child.pid === undefined ? null : await residentBytes(child.pid);
    if (!this.watching || bytes === null || bytes <= limits.maxRssBytes) {
      return;
    }
    const took = `took too much memory (${Math.round(bytes / megabyte)} MB)`;
    const { page } = child;
    child.kill(
      page === null
        ? new MillraceError('DOCUMENT_UNREADABLE', `Reading the PDF ${took}.`)
        : pageError('PAGE_TOO_LARGE', page, `Page ${page} ${took}.`),
    );
  }
}

/** An error that a page is to blame for: `extra.page` names it. */
export function pageError(
  code: 'PAGE_TIMEOUT' | 'PAGE_TOO_LARGE' | 'PAGE_CRASHED',
  page: number,
  message: string,
): MillraceError {
  return new MillraceError(code, message, { extra: { page } });
}
