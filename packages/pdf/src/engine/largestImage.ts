import type { PageSize } from '../types';
import type { Pdfium } from './pdfium';

/** FPDF_PAGEOBJ_IMAGE of fpdf_edit.h. */
const imageType = 3;
/** A scan is one image or a few strips. A drawing may have a hundred thousand objects, so only the first ones are checked. */
const maxObjects = 200;

/** The part (0 to 1) of an open page that its largest image covers. Only the first 200 objects of the page are checked. */
export function largestImage(pdfium: Pdfium, page: number, { width, height }: PageSize): number {
  const { fpdf, scratch } = pdfium;
  const count = Math.min(fpdf.FPDFPage_CountObjects(page), maxObjects);
  let largest = 0;
  for (let index = 0; index < count; index++) {
    const object = fpdf.FPDFPage_GetObject(page, index);
    if (object === 0 || fpdf.FPDFPageObj_GetType(object) !== imageType) {
      continue;
    }
    if (fpdf.FPDFPageObj_GetBounds(object, scratch, scratch + 4, scratch + 8, scratch + 12) !== 0) {
      const [left = 0, bottom = 0, right = 0, top = 0] = pdfium.memory.f32.subarray(scratch / 4, scratch / 4 + 4);
      largest = Math.max(largest, ((right - left) * (top - bottom)) / (width * height));
    }
  }
  return Number.isFinite(largest) ? Math.min(1, largest) : 0;
}
