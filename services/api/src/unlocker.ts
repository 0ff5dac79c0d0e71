import { ParserPool } from '@millrace/pdf';

/** Less than the time after which the server closes a connection on which nothing moves. */
const timeoutMs = 90_000;
/** Measured: 400 MB for a PDF of 300 MB. */
const maxRssBytes = 1024 * 1024 * 1024;

/**
 * Takes the passwords off uploaded PDFs, each in a process of its own that is started for it and ends with it: a PDF
 * may hang or crash the engine, and no password is left in any process's memory.
 */
export class Unlocker {
  private readonly pool = new ParserPool({
    // Compiled even where this file is not, as in tests.
    entry: require.resolve('@millrace/pdf/dist/unlockProcess.js'),
    processes: 1,
    timeoutMs,
    maxRssBytes,
    recycleRssBytes: 0,
  });

  /**
   * Writes a copy of the PDF `source` that needs no password to `target`.
   * @returns false where there is no copy, because `source` needs no password or is broken.
   * @throws MillraceError PDF_PASSWORD_WRONG, PDF_TIMEOUT, PDF_UNREADABLE, STORAGE_UNAVAILABLE, PARSER_LOST or INTERNAL.
   */
  async unlock(source: string, password: string, target: string): Promise<boolean> {
    return (await this.pool.run({ source, password, target })) === true;
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
