import { type DocumentRepair, MillraceError } from '@millrace/contracts';
import { OpenPdf } from './engine/engine';
import { type FileAccess, openBytesAccess, openFileAccess } from './engine/fileSource';
import { guarded, loadPdfium, type Pdfium } from './engine/pdfium';
import { type PossibleRepair, possibleRepairs } from './repair/repair';
import { type RewriteLimits, rewritePdf } from './repair/rewrite';
import type { PdfFile } from './types';

export interface OpenOptions {
  /** A PDF that claims more pages is refused, before anything is done for each of them. Default: no limit. */
  maxPages?: number;
  /** Of repairing a broken PDF with the second engine. Default: those of rewritePdf. */
  rewrite?: RewriteLimits | undefined;
}

type BrokenOptions = { maxPages: number; rewrite: RewriteLimits | undefined };

/**
 * Opens the PDF at `path` for reading text. The file is read piece by piece, never held as a whole. One that is broken is
 * repaired where that helps (`info.repair` then says how); the file itself stays as it is.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED (it asks for a password), PDF_ENCRYPTION_UNSUPPORTED,
 * DOCUMENT_TOO_MANY_PAGES, DOCUMENT_UNREADABLE (the engine broke), PDF_REPAIR_TIMEOUT, READER_LOST or INTERNAL (as rewritePdf does);
 * the file system's error when the file cannot be read.
 */
export async function openPdf(
  path: string,
  { maxPages = Number.POSITIVE_INFINITY, rewrite }: OpenOptions = {},
): Promise<PdfFile> {
  const pdfium = await loadPdfium();
  try {
    return open(pdfium, openFileAccess(pdfium, path), maxPages, null);
  } catch (error) {
    const repaired = hasCode(error, 'PDF_CORRUPT') ? await openBroken(pdfium, path, { maxPages, rewrite }) : null;
    if (repaired === null) {
      throw error;
    }
    return repaired;
  }
}

/**
 * The broken PDF with a made-up end where that helps, or else rewritten; null when neither does. A list of pages that was
 * made up has none of those in compressed streams: there, whichever reaches more pages.
 */
async function openBroken(pdfium: Pdfium, path: string, options: BrokenOptions): Promise<PdfFile | null> {
  const { possible, rewritable } = possibleRepairs(path);
  const file = openRepaired(pdfium, path, options.maxPages, possible);
  if (!rewritable || (file !== null && file.info.repair !== 'PAGES_REBUILT')) {
    return file;
  }
  if (file === null) {
    return openRewritten(pdfium, path, options);
  }
  let rewritten: OpenPdf | null;
  try {
    rewritten = await openRewritten(pdfium, path, options);
  } catch (error) {
    if (hasCode(error, 'PDF_CORRUPT') || hasCode(error, 'PDF_REPAIR_TIMEOUT')) {
      return file;
    }
    file.close();
    throw error;
  }
  const [better, worse] =
    rewritten !== null && rewritten.countReachablePages() > file.countReachablePages()
      ? [rewritten, file]
      : [file, rewritten];
  worse?.close();
  return better;
}

/** The broken PDF as the second engine writes it anew; null when that cannot be opened either. */
async function openRewritten(
  pdfium: Pdfium,
  path: string,
  { maxPages, rewrite }: BrokenOptions,
): Promise<OpenPdf | null> {
  const rewritten = await rewritePdf(path, rewrite);
  try {
    return open(pdfium, openBytesAccess(pdfium, rewritten), maxPages, 'REWRITTEN');
  } catch (error) {
    if (hasCode(error, 'PDF_CORRUPT')) {
      return null;
    }
    throw error;
  }
}

/** The broken PDF with the repair that reaches the most pages, the first of several; null when none helps. */
function openRepaired(
  pdfium: Pdfium,
  path: string,
  maxPages: number,
  repairs: readonly PossibleRepair[],
): OpenPdf | null {
  let best: { file: OpenPdf; pages: number } | null = null;
  let tooMany: unknown = null;
  for (const { kind, appendix } of repairs) {
    let file: OpenPdf | null = null;
    try {
      file = open(pdfium, openFileAccess(pdfium, path, appendix), maxPages, kind);
      const pages = file.countReachablePages();
      if (best === null || pages > best.pages) {
        best?.file.close();
        best = { file, pages };
      } else {
        file.close();
      }
    } catch (error) {
      file?.close();
      if (hasCode(error, 'DOCUMENT_TOO_MANY_PAGES') && kind === 'TRAILER_REBUILT') {
        // The document's own list may claim anything; a new list holds what was found.
        tooMany = error;
      } else if (!hasCode(error, 'PDF_CORRUPT')) {
        best?.file.close();
        throw error;
      }
    }
  }
  if (best === null && tooMany !== null) {
    throw tooMany;
  }
  return best?.file ?? null;
}

function open(pdfium: Pdfium, access: FileAccess, maxPages: number, repair: DocumentRepair | null): OpenPdf {
  try {
    return guarded(() => OpenPdf.open(pdfium, access, repair, maxPages));
  } catch (error) {
    access.close();
    throw error;
  }
}

function hasCode(error: unknown, code: 'PDF_CORRUPT' | 'DOCUMENT_TOO_MANY_PAGES' | 'PDF_REPAIR_TIMEOUT'): boolean {
  return error instanceof MillraceError && error.code === code;
}
