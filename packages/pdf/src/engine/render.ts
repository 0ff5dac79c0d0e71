import { MillraceError } from '@millrace/contracts';
import type { PageGeometry } from '../text/geometry';
import type { GrayImage } from '../types';
import type { Pdfium } from './pdfium';

/** FPDFBitmap_Gray: a byte for each pixel. */
const gray = 1;
/** FPDF_GRAYSCALE: colours are drawn as grays. */
const drawGray = 0x08;
const pointsPerInch = 72;

/**
 * Draws an open page on white, in grays. A page that would have more than `maxPixels` is drawn smaller.
 * @throws MillraceError PAGE_FAILED when the engine has no room for the image.
 */
export function renderGray(
  pdfium: Pdfium,
  page: number,
  { width: pageWidth, height: pageHeight }: Pick<PageGeometry, 'width' | 'height'>,
  options: { dpi: number; maxPixels: number },
): GrayImage {
  const { fpdf } = pdfium;
  const wanted = options.dpi / pointsPerInch;
  // Broken files claim pages of millions of points, or of many in one direction and none in the other.
  const most = Math.sqrt(options.maxPixels / Math.max(pageWidth * pageHeight, 1));
  const longest = options.maxPixels / 16 / Math.max(pageWidth, pageHeight, 1);
  const scale = Math.min(wanted, most, longest);
  const width = Math.max(1, Math.floor(pageWidth * scale));
  const height = Math.max(1, Math.floor(pageHeight * scale));
  const bitmap = fpdf.FPDFBitmap_CreateEx(width, height, gray, 0, 0);
  if (bitmap === 0) {
    throw new MillraceError('PAGE_FAILED', `There is no room for an image of ${width} by ${height} pixels.`);
  }
  try {
    fpdf.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xffffffff);
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
