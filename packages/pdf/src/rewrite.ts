import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, MillraceError } from '@millrace/contracts';
import { ParserPool } from './pool/parserPool';

export interface RewriteLimits {
  /** Larger files are not tried: the other engine holds them in memory, and what it writes as well. */
  maxFileBytes: number;
  timeoutMs: number;
  /** Resident memory of the process, in bytes. */
  maxRssBytes: number;
}

const MEBIBYTE = 2 ** 20;
const defaultLimits: RewriteLimits = {
  maxFileBytes: 64 * MEBIBYTE,
  timeoutMs: 30_000,
  maxRssBytes: 768 * MEBIBYTE,
};

/** JavaScript objects alone, in MiB: the process ends by itself here, even where nobody can tell its resident memory. */
const HEAP_MIB = 512;
/** The file may grow so much, as what was compressed may be written plain. */
const MAX_GROWTH = 2;

/** How the process may end for a file that is too much for it, or that it cannot read. */
const givenUp: readonly ErrorCode[] = ['PDF_CORRUPT', 'PDF_TIMEOUT', 'PDF_UNREADABLE'];

/**
 * Has a second, more lenient engine read the broken PDF at `path` and write it anew, in a process of its own that is
 * started for it and ends with it. Nothing is written to the disk.
 * @returns the new file, or null when that engine cannot read it either, or only with more time or memory than it may have.
 * @throws MillraceError PARSER_LOST (the process was killed from outside) or INTERNAL (it cannot be started).
 */
export async function rewritePdf(path: string, limits: RewriteLimits = defaultLimits): Promise<Buffer | null> {
  const { size } = statSync(path);
  if (size > limits.maxFileBytes) {
    return null;
  }
  const pool = new ParserPool({
    // Compiled even where this file is not, as in tests.
    entry: join(__dirname, '../dist/rewriteProcess.js'),
    processes: 1,
    timeoutMs: limits.timeoutMs,
    maxRssBytes: limits.maxRssBytes,
    execArgv: [`--max-old-space-size=${HEAP_MIB}`],
  });
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const onMessage = (piece: unknown) => {
    pieces.push(piece as Uint8Array);
    bytes += (piece as Uint8Array).length;
    if (bytes > MAX_GROWTH * limits.maxFileBytes) {
      throw new MillraceError('PDF_CORRUPT', 'The PDF grows beyond measure when it is written anew.');
    }
  };
  try {
    await pool.run(path, { onMessage });
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof MillraceError && givenUp.includes(error.code)) {
      return null;
    }
    throw error;
  } finally {
    await pool.close();
  }
}
