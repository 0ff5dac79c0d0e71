import { type DocumentRepair, type ErrorCode, MillraceError } from '@millrace/contracts';
import { type FileAccess, openBytesAccess, openFileAccess } from './engine/fileAccess';
import { guarded, loadPdfium, type Pdfium } from './engine/pdfium';
import { PdfiumFile } from './engine/pdfiumFile';
import { type PossibleRepair, possibleRepairs } from './repair/repair';
import { type RewriteLimits, rewritePdf } from './repair/rewrite';
import type { PdfFile } from './types';

export interface OpenOptions {
  /** A PDF that claims more pages is refused before any page is read. Default: no limit. */
  maxPages?: number;
  /** The limits of repairing a broken PDF with the second engine. Default: those of rewritePdf. */
  rewrite?: RewriteLimits | undefined;
}

/**
 * Opens the PDF at `path`. The file is read piece by piece, never as a whole. A broken file is repaired in memory if possible;
 * `info.repair` then says how. The file itself is not changed.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED (it needs a password), PDF_ENCRYPTION_UNSUPPORTED, DOCUMENT_TOO_MANY_PAGES,
 * DOCUMENT_UNREADABLE (the engine broke), PDF_REPAIR_TIMEOUT, READER_LOST or INTERNAL (as rewritePdf does); the file system's
 * error when the file cannot be read.
 */
export async function openPdf(
  path: string,
  { maxPages = Number.POSITIVE_INFINITY, rewrite }: OpenOptions = {},
): Promise<PdfFile> {
  const pdfium = await loadPdfium();
  const file: FileToOpen = { pdfium, path, maxPages, rewrite };
  try {
    return open(file, openFileAccess(pdfium, path), null);
  } catch (error) {
    const repaired = hasCode(error, 'PDF_CORRUPT') ? await openBroken(file) : null;
    if (repaired === null) {
      throw error;
    }
    return repaired;
  }
}

/**
 * Opens a PDF in memory, such as an attachment. A broken one is read only where the engine itself can repair it.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED, PDF_ENCRYPTION_UNSUPPORTED, DOCUMENT_TOO_MANY_PAGES or DOCUMENT_UNREADABLE,
 * as openPdf does.
 */
export async function openPdfBytes(
  bytes: Buffer,
  { maxPages = Number.POSITIVE_INFINITY }: Pick<OpenOptions, 'maxPages'> = {},
): Promise<PdfFile> {
  const pdfium = await loadPdfium();
  return open({ pdfium, maxPages }, openBytesAccess(pdfium, bytes), null);
}

interface FileToOpen {
  pdfium: Pdfium;
  path: string;
  maxPages: number;
  rewrite: RewriteLimits | undefined;
}

/**
 * Opens a broken PDF with an appendix that repairs it. If that fails, the second engine rewrites it. Returns null when
 * neither works. A rebuilt list of pages lacks the pages in compressed streams; in that case both ways are tried, and
 * the one that reaches more pages is taken.
 */
async function openBroken(file: FileToOpen): Promise<PdfFile | null> {
  const { possible, isRewritable } = possibleRepairs(file.path);
  const repaired = openRepaired(file, possible);
  if (!isRewritable || (repaired !== null && repaired.info.repair !== 'PAGES_REBUILT')) {
    return repaired;
  }
  if (repaired === null) {
    return openRewritten(file);
  }
  let rewritten: PdfiumFile | null;
  try {
    rewritten = await openRewritten(file);
  } catch (error) {
    if (hasCode(error, 'PDF_CORRUPT') || hasCode(error, 'PDF_REPAIR_TIMEOUT')) {
      return repaired;
    }
    repaired.close();
    throw error;
  }
  const [better, worse] =
    rewritten !== null && rewritten.countReachablePages() > repaired.countReachablePages()
      ? [rewritten, repaired]
      : [repaired, rewritten];
  worse?.close();
  return better;
}

/** Opens the broken PDF as the second engine rewrites it. Returns null when the result cannot be opened either. */
async function openRewritten(file: FileToOpen): Promise<PdfiumFile | null> {
  const rewritten = await rewritePdf(file.path, file.rewrite);
  try {
    return open(file, openBytesAccess(file.pdfium, rewritten), 'REWRITTEN');
  } catch (error) {
    if (hasCode(error, 'PDF_CORRUPT')) {
      return null;
    }
    throw error;
  }
}

/** Opens the broken PDF with the repair that reaches the most pages, the first of several. Returns null when no repair works. */
function openRepaired(file: FileToOpen, repairs: readonly PossibleRepair[]): PdfiumFile | null {
  let best: { opened: PdfiumFile; pages: number } | null = null;
  let tooManyPages: unknown = null;
  for (const { kind, appendix } of repairs) {
    let opened: PdfiumFile | null = null;
    try {
      opened = open(file, openFileAccess(file.pdfium, file.path, appendix), kind);
      const pages = opened.countReachablePages();
      if (best === null || pages > best.pages) {
        best?.opened.close();
        best = { opened, pages };
      } else {
        opened.close();
      }
    } catch (error) {
      opened?.close();
      if (hasCode(error, 'DOCUMENT_TOO_MANY_PAGES') && kind === 'TRAILER_REBUILT') {
        // The document's own page count may be wrong. A rebuilt list has only the pages that were found.
        tooManyPages = error;
      } else if (!hasCode(error, 'PDF_CORRUPT')) {
        best?.opened.close();
        throw error;
      }
    }
  }
  if (best === null && tooManyPages !== null) {
    throw tooManyPages;
  }
  return best?.opened ?? null;
}

function open(
  { pdfium, maxPages }: Pick<FileToOpen, 'pdfium' | 'maxPages'>,
  access: FileAccess,
  repair: DocumentRepair | null,
): PdfiumFile {
  try {
    return guarded(() => PdfiumFile.open(pdfium, access, { repair, maxPages }));
  } catch (error) {
    access.close();
    throw error;
  }
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof MillraceError && error.code === code;
}
