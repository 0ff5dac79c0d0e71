import { MillraceError } from '@millrace/contracts/errors';
import type { FileAccess } from './fileAccess';
import type { Pdfium } from './pdfium';

/** Values of FPDF_GetLastError after a document could not be loaded. */
export const openingErrors = {
  /** FPDF_ERR_PASSWORD: the password is missing or wrong. */
  passwordNeeded: 4,
  /** FPDF_ERR_SECURITY: the engine does not know the encryption, such as one with certificates. */
  unknownSecurity: 5,
} as const;

/**
 * Loads a document that needs no password. Returns its handle, to be closed with FPDF_CloseDocument.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED (it needs a password) or PDF_ENCRYPTION_UNSUPPORTED; the file system's
 * error when the file cannot be read.
 */
export function loadDocument({ fpdf }: Pdfium, access: FileAccess): number {
  const document = fpdf.FPDF_LoadCustomDocument(access.access, 0);
  access.check();
  if (document === 0) {
    throw openingError(fpdf.FPDF_GetLastError());
  }
  return document;
}

function openingError(number: number): MillraceError {
  switch (number) {
    case openingErrors.passwordNeeded:
      return new MillraceError('PDF_ENCRYPTED');
    case openingErrors.unknownSecurity:
      return new MillraceError('PDF_ENCRYPTION_UNSUPPORTED');
    default:
      return new MillraceError('PDF_CORRUPT', `The PDF is broken and cannot be opened (PDFium error ${number}).`);
  }
}
