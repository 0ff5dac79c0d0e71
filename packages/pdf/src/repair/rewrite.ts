import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/contracts';
import { ProcessPool, TaskEndedError } from '@millrace/process-pool';
import type { RewriteProtocol } from './rewriteProtocol';

/** The limits of the second engine. */
export interface RewriteLimits {
  /** Larger files are not tried: the second engine holds the file and the new file in memory. */
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

/** The share of the memory for JavaScript objects. The process ends there even where its resident memory is unknown. */
const heapShare = 2 / 3;
/** How many times larger the new file may be: what was compressed may be written uncompressed. */
const maxGrowth = 2;

/**
 * Reads the broken PDF at `path` with a second, more lenient engine and rewrites it. It does so in a process that is
 * started for it and ends afterwards. Nothing is written to the disk.
 * @throws MillraceError PDF_CORRUPT (that engine cannot read it either, or only with more memory than it may have, or the
 * file is too large for it), PDF_REPAIR_TIMEOUT (it took too long, perhaps because this machine is busy), READER_LOST (the
 * process was killed from outside) or INTERNAL (it cannot be started).
 */
export async function rewritePdf(path: string, limits: RewriteLimits = defaultLimits): Promise<Buffer> {
  const { size } = statSync(path);
  if (size > limits.maxFileBytes) {
    throw new MillraceError(
      'PDF_CORRUPT',
      `The PDF is broken, and too large to be rewritten (over ${limits.maxFileBytes} bytes).`,
    );
  }
  const pool = new ProcessPool<RewriteProtocol>({
    // The compiled program, even where this file runs uncompiled, as in tests.
    entry: join(__dirname, '../../dist/repair/rewriteProcess.js'),
    processes: 1,
    limits: { timeoutMs: limits.timeoutMs, maxRssBytes: limits.maxRssBytes },
    silent: true,
    execArgv: [`--max-old-space-size=${Math.floor((heapShare * limits.maxRssBytes) / mebibyte)}`],
  });
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const onMessage = (piece: Uint8Array) => {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxGrowth * limits.maxFileBytes) {
      throw new MillraceError('PDF_CORRUPT', 'The rewritten PDF is more than twice as large as a PDF may be.');
    }
  };
  try {
    await pool.run(path, { onMessage });
    return Buffer.concat(pieces);
  } catch (error) {
    throw error instanceof TaskEndedError ? toRepairError(error) : error;
  } finally {
    await pool.close();
  }
}

function toRepairError(error: TaskEndedError): MillraceError {
  const { end, message } = error;
  switch (end.reason) {
    case 'taskTimedOut':
    case 'firstStepTimedOut':
    case 'stepTimedOut':
      return new MillraceError('PDF_REPAIR_TIMEOUT', `Rewriting the broken PDF took longer than ${end.limitMs} ms.`, {
        cause: error,
      });
    case 'outOfMemory':
    case 'crashed':
      return new MillraceError('PDF_CORRUPT', `The PDF is broken and cannot be rewritten. ${message}`, {
        cause: error,
      });
    case 'killed':
      return new MillraceError('READER_LOST', `The process that rewrote the PDF was killed by ${end.signal}.`, {
        cause: error,
      });
    case 'outgrown':
    case 'startTimedOut':
    case 'unavailable':
    case 'poolClosed':
      return new MillraceError('INTERNAL', `The PDF cannot be rewritten. ${message}`, { cause: error });
  }
}
