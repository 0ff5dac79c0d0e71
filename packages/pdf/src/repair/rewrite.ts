import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/contracts';
import { ParserPool } from '../pool/parserPool';

/** What the second engine may take. */
export interface RewriteLimits {
  /** Larger files are not tried: the other engine holds them in memory, and what it writes as well. */
  maxFileBytes: number;
  timeoutMs: number;
  /** Resident memory of the process, in bytes. */
  maxRssBytes: number;
}

const mebibyte = 2 ** 20;
const defaultLimits: RewriteLimits = {
  maxFileBytes: 64 * mebibyte,
  timeoutMs: 30_000,
  maxRssBytes: 768 * mebibyte,
};

/** For JavaScript objects, of all memory: the process ends by itself here, even where nobody can tell its resident memory. */
const heapShare = 2 / 3;
/** The file may grow so much, as what was compressed may be written plain. */
const maxGrowth = 2;

/**
 * Has a second, more lenient engine read the broken PDF at `path` and write it anew, in a process of its own that is
 * started for it and ends with it. Nothing is written to the disk.
 * @throws MillraceError PDF_CORRUPT (that engine cannot read it either, or only with more memory than it may have, or the
 * file is too large for it), PDF_REPAIR_TIMEOUT (it took too long, which may be this machine's fault), READER_LOST (the
 * process was killed from outside) or INTERNAL (it cannot be started).
 */
export async function rewritePdf(path: string, limits: RewriteLimits = defaultLimits): Promise<Buffer> {
  const { size } = statSync(path);
  if (size > limits.maxFileBytes) {
    throw new MillraceError(
      'PDF_CORRUPT',
      `The PDF is broken, and too large to be written anew (over ${limits.maxFileBytes} bytes).`,
    );
  }
  const pool = new ParserPool({
    // Compiled even where this file is not, as in tests.
    entry: join(__dirname, '../../dist/repair/rewriteProcess.js'),
    processes: 1,
    timeoutMs: limits.timeoutMs,
    maxRssBytes: limits.maxRssBytes,
    silent: true,
    execArgv: [`--max-old-space-size=${Math.floor((heapShare * limits.maxRssBytes) / mebibyte)}`],
  });
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const onMessage = (piece: unknown) => {
    pieces.push(piece as Uint8Array);
    bytes += (piece as Uint8Array).length;
    if (bytes > maxGrowth * limits.maxFileBytes) {
      throw new MillraceError('PDF_CORRUPT', 'The PDF grows beyond measure when it is written anew.');
    }
  };
  try {
    await pool.run(path, { onMessage });
    return Buffer.concat(pieces);
  } catch (error) {
    throw error instanceof MillraceError ? givenUp(error, limits) : error;
  } finally {
    await pool.close();
  }
}

/** What the end of the process means for the file. */
function givenUp(error: MillraceError, { timeoutMs }: RewriteLimits): MillraceError {
  switch (error.code) {
    case 'DOCUMENT_TIMEOUT':
      return new MillraceError('PDF_REPAIR_TIMEOUT', `Writing the broken PDF anew took longer than ${timeoutMs} ms.`);
    case 'DOCUMENT_UNREADABLE':
      return new MillraceError('PDF_CORRUPT', `The PDF is broken, and writing it anew was given up: ${error.message}`);
    default:
      return error;
  }
}
