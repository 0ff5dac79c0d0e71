import type { Pdfium } from './pdfium';

/** Kinds of annotations whose appearance is text of the page: free text, and what is filled into a form (fpdf_annot.h). */
const freeText = 3;
const widget = 20;
/** How the page looks on a screen (fpdf_flatten.h). */
const normalDisplay = 0;
const flattened = 1;

/**
 * Makes what is filled into the page's form fields, and free text on it, part of its content: the engine's text holds
 * the content alone. The file itself stays as it is.
 * @returns true when the page was changed and must be loaded anew.
 */
export function flattenFields({ fpdf }: Pdfium, page: number): boolean {
  const count = fpdf.FPDFPage_GetAnnotCount(page);
  for (let index = 0; index < count; index++) {
    const annotation = fpdf.FPDFPage_GetAnnot(page, index);
    if (annotation === 0) {
      continue;
    }
    const subtype = fpdf.FPDFAnnot_GetSubtype(annotation);
    fpdf.FPDFPage_CloseAnnot(annotation);
    if (subtype === freeText || subtype === widget) {
      return fpdf.FPDFPage_Flatten(page, normalDisplay) === flattened;
    }
  }
  return false;
}
