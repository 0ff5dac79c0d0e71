import type { Pdfium } from './pdfium';
import { saveCopy } from './saveCopy';

/** Copies one page (from 1) of an open document into a PDF of its own. Returns null when the engine cannot. */
export function copyPage(pdfium: Pdfium, document: number, page: number): Uint8Array | null {
  const { fpdf, scratch } = pdfium;
  const target = fpdf.FPDF_CreateNewDocument();
  if (target === 0) {
    return null;
  }
  try {
    pdfium.memory.i32[scratch / 4] = page - 1;
    if (fpdf.FPDF_ImportPagesByIndex(target, document, scratch, 1, 0) === 0) {
      return null;
    }
    const pieces: Uint8Array[] = [];
    const saved = saveCopy(pdfium, target, (piece) => pieces.push(piece.slice()));
    return saved ? Buffer.concat(pieces) : null;
  } finally {
    fpdf.FPDF_CloseDocument(target);
  }
}
