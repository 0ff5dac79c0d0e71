import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { MillraceError } from '@millrace/contracts/errors';
import { type FileAccess, openFileAccess } from '../engine/fileAccess';
import { openingErrors } from '../engine/loadDocument';
import { guarded, loadPdfium, type Pdfium } from '../engine/pdfium';
import { saveCopy } from '../engine/saveCopy';
import type { UnlockProtocol } from './unlockProtocol';

/**
 * Writes a copy of the PDF at `source` that needs no password to `target`, a new file. The password is stored nowhere.
 * @returns false, with nothing written, for a file that opens without a password, and for one that does not open for
 * another reason: the chunker reports that when it reads the file.
 * @throws MillraceError PDF_PASSWORD_WRONG, PDF_ENCRYPTION_UNSUPPORTED, DOCUMENT_UNREADABLE (the engine breaks, or cannot make the copy) or
 * STORAGE_UNAVAILABLE (the copy cannot be written); the file system's error when the file cannot be read.
 */
export async function unlockPdf({ source, password, target }: UnlockProtocol['request']): Promise<boolean> {
  const pdfium = await loadPdfium();
  const access = openFileAccess(pdfium, source);
  try {
    return guarded(() => unlock(pdfium, access, { password, target }));
  } finally {
    access.close();
  }
}

function unlock(
  pdfium: Pdfium,
  access: FileAccess,
  { password, target }: { password: string; target: string },
): boolean {
  const { fpdf } = pdfium;
  const locked = fpdf.FPDF_LoadCustomDocument(access.access, 0);
  access.check();
  if (locked !== 0) {
    fpdf.FPDF_CloseDocument(locked);
    return false;
  }
  const error = fpdf.FPDF_GetLastError();
  if (error === openingErrors.unknownSecurity) {
    throw new MillraceError('PDF_ENCRYPTION_UNSUPPORTED');
  }
  if (error !== openingErrors.passwordNeeded) {
    return false;
  }
  const document = openWith(pdfium, access, password);
  try {
    save(pdfium, document, access, target);
  } finally {
    fpdf.FPDF_CloseDocument(document);
  }
  return true;
}

function openWith(pdfium: Pdfium, access: FileAccess, password: string): number {
  const { fpdf } = pdfium;
  const bytes = Buffer.from(`${password}\0`, 'utf8');
  const at = fpdf.malloc(bytes.length);
  pdfium.memory.u8.set(bytes, at);
  const document = fpdf.FPDF_LoadCustomDocument(access.access, at);
  fpdf.free(at);
  access.check();
  if (document !== 0) {
    return document;
  }
  throw fpdf.FPDF_GetLastError() === openingErrors.passwordNeeded
    ? new MillraceError('PDF_PASSWORD_WRONG')
    : new MillraceError('DOCUMENT_UNREADABLE', 'The PDF engine cannot open the PDF with its password.');
}

/** Writes each piece as the engine makes it, so that memory does not grow with the file. */
function save(pdfium: Pdfium, document: number, access: FileAccess, target: string): void {
  const fd = create(target);
  try {
    const saved = saveCopy(pdfium, document, (piece) => write(fd, piece));
    access.check();
    if (!saved) {
      throw new MillraceError('DOCUMENT_UNREADABLE', 'The PDF engine cannot make a copy without a password.');
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function write(fd: number, piece: Uint8Array): void {
  try {
    for (let done = 0; done < piece.length; ) {
      done += writeSync(fd, piece, done);
    }
  } catch (error) {
    throw cannotWrite(error);
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    throw cannotWrite(error);
  }
}

function cannotWrite(cause: unknown): MillraceError {
  return new MillraceError('STORAGE_UNAVAILABLE', 'The copy without a password cannot be written.', { cause });
}
