import type { Pdfium } from './pdfium';

/** The kinds of annotations whose appearance is text of the page: free text and form fields (fpdf_annot.h). */
const freeText = 3;
const widget = 20;
/** FLAT_NORMALDISPLAY and FLATTEN_SUCCESS of fpdf_flatten.h. */
const normalDisplay = 0;
const flattened = 1;

/**
 * Makes free text and the values of form fields part of the open page's content, because the engine reads text only from the
 * content. The file is not changed.
 * @returns true when the page was changed and must be loaded again.
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
