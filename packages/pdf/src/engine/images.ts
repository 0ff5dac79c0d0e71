import type { Pdfium } from './pdfium';

/** FPDF_PAGEOBJ_IMAGE of fpdf_edit.h. */
const image = 3;
/** A scan is one image, or a few strips; no need to look through a drawing of a hundred thousand lines. */
const maxObjects = 200;

/** Which part (0 to 1) of an area of `width` by `height` points the page's largest image covers, as far as it is looked for. */
export function largestImage(pdfium: Pdfium, page: number, width: number, height: number): number {
  const { fpdf, scratch } = pdfium;
  const count = Math.min(fpdf.FPDFPage_CountObjects(page), maxObjects);
  let largest = 0;
  for (let index = 0; index < count; index++) {
    const object = fpdf.FPDFPage_GetObject(page, index);
    if (object === 0 || fpdf.FPDFPageObj_GetType(object) !== image) {
      continue;
    }
    if (fpdf.FPDFPageObj_GetBounds(object, scratch, scratch + 4, scratch + 8, scratch + 12) !== 0) {
      const [left = 0, bottom = 0, right = 0, top = 0] = pdfium.memory.f32.subarray(scratch / 4, scratch / 4 + 4);
      largest = Math.max(largest, ((right - left) * (top - bottom)) / (width * height));
    }
  }
  return Number.isFinite(largest) ? Math.min(1, largest) : 0;
}
