import { MillraceError } from '@millrace/contracts';
import type { GrayImage, PageSize, RenderOptions } from '../types';
import type { Pdfium } from './pdfium';

/** FPDFBitmap_Gray: one byte for each pixel. */
const grayFormat = 1;
/** FPDF_GRAYSCALE: colours are drawn as grays. */
const drawGray = 0x08;
const white = 0xffffffff;
const pointsPerInch = 72;

/**
 * Draws an open page in grays on white. A page that would have more than `maxPixels` is drawn smaller.
 * @throws MillraceError PAGE_FAILED when the engine has no memory for the image.
 */
export function renderGray(pdfium: Pdfium, page: number, size: PageSize, options: RenderOptions): GrayImage {
  const { fpdf } = pdfium;
  const scale = scaleOf(size, options);
  const width = Math.max(1, Math.floor(size.width * scale));
  const height = Math.max(1, Math.floor(size.height * scale));
  const bitmap = fpdf.FPDFBitmap_CreateEx(width, height, grayFormat, 0, 0);
  if (bitmap === 0) {
    throw new MillraceError('PAGE_FAILED', `There is no memory for an image of ${width} by ${height} pixels.`);
  }
  try {
    fpdf.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, white);
    fpdf.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, drawGray);
    const stride = fpdf.FPDFBitmap_GetStride(bitmap);
    const start = fpdf.FPDFBitmap_GetBuffer(bitmap) >>> 0;
    const pixels = new Uint8Array(width * height);
    const { u8 } = pdfium.memory;
    for (let row = 0; row < height; row++) {
      const from = start + row * stride;
      pixels.set(u8.subarray(from, from + width), row * width);
    }
    return { width, height, pixels, dpi: scale * pointsPerInch };
  } finally {
    fpdf.FPDFBitmap_Destroy(bitmap);
  }
}

/** Pixels per point: as asked for, or less where the page is too large. */
function scaleOf({ width, height }: PageSize, { dpi, maxPixels }: RenderOptions): number {
  // Broken files claim pages that are millions of points wide, or wide in one direction and empty in the other.
  const maxByArea = Math.sqrt(maxPixels / Math.max(width * height, 1));
  const maxBySide = maxPixels / 16 / Math.max(width, height, 1);
  return Math.min(dpi / pointsPerInch, maxByArea, maxBySide);
}
