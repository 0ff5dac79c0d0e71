import { MillraceError } from '@millrace/contracts';
import { isCutOff, openPdf, openPdfBytes, type PdfFile } from '@millrace/pdf';
import type { ParseRun } from '../parseProtocol';
import { TemporaryFile } from './temporaryFile';

/** An open PDF within a document. It must be closed. */
export interface AttachedPdf {
  file: PdfFile;
  /** True when the end of the file is missing. */
  isCutOff: boolean;
  close(): void;
}

/** Opens a PDF within a document, and repairs a broken one as if it had been uploaded. @throws MillraceError as openPdf does. */
export async function openAttachedPdf(
  bytes: Buffer,
  { maxPages, rewrite }: Pick<ParseRun, 'maxPages' | 'rewrite'>,
): Promise<AttachedPdf> {
  try {
    const file = await openPdfBytes(bytes, { maxPages });
    return { file, isCutOff: false, close: () => file.close() };
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'PDF_CORRUPT') {
      throw error;
    }
  }
  const stored = new TemporaryFile(bytes);
  try {
    const file = await openPdf(stored.path, { maxPages, rewrite });
    const close = () => {
      file.close();
      stored.remove();
    };
    return { file, isCutOff: file.info.repair !== null && isCutOff(stored.path), close };
  } catch (error) {
    stored.remove();
    throw error;
  }
}
