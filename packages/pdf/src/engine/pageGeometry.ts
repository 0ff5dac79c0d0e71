import type { Direction } from '../text/pageCharacters';
import type { PageSize } from '../types';
import type { Pdfium } from './pdfium';

/** A page's box in the page's own coordinates (not rotated, y upwards), and how the page is shown. */
export interface PageGeometry {
  left: number;
  bottom: number;
  right: number;
  top: number;
  /** Quarter turns clockwise. */
  rotation: Direction;
  /** Size of the shown page in points; never 0. */
  width: number;
  height: number;
}

/** US letter. Viewers show it when a page has no usable size. */
const defaultBox = { left: 0, bottom: 0, right: 612, top: 792 };
/** The largest page that a PDF may have without a user unit, in points (PDF 1.7, annex C). Broken files claim millions. */
const maxPagePoints = 14_400;

function quarterTurns(value: number): Direction {
  const turns = ((value % 4) + 4) % 4;
  return turns === 1 || turns === 2 || turns === 3 ? turns : 0;
}

/** Reads the geometry of an open page. */
export function readGeometry(pdfium: Pdfium, page: number): PageGeometry {
  const { fpdf, scratch } = pdfium;
  const rotation = quarterTurns(fpdf.FPDFPage_GetRotation(page));
  let box = defaultBox;
  if (fpdf.FPDF_GetPageBoundingBox(page, scratch) !== 0) {
    const { f32 } = pdfium.memory;
    const at = scratch / 4;
    const left = f32[at] as number;
    const top = f32[at + 1] as number;
    const right = f32[at + 2] as number;
    const bottom = f32[at + 3] as number;
    if (right > left && top > bottom && Number.isFinite(right - left) && Number.isFinite(top - bottom)) {
      box = { left, bottom, right, top };
    }
  }
  const boxWidth = box.right - box.left;
  const boxHeight = box.top - box.bottom;
  const isTurned = rotation % 2 === 1;
  return { ...box, rotation, width: isTurned ? boxHeight : boxWidth, height: isTurned ? boxWidth : boxHeight };
}

/** The size rounded to hundredths of a point, and limited to what a page may have. 0 for sizes that are not finite. */
export function roundedSize({ width, height }: PageSize): PageSize {
  return { width: points(width), height: points(height) };
}

function points(value: number): number {
  return Number.isFinite(value) ? Math.min(maxPagePoints, Math.max(0, Math.round(value * 100) / 100)) : 0;
}

/**
 * The affine map from the page's own coordinates to points from the top left corner of the shown page:
 * x' = a x + c y + e, y' = b x + d y + f.
 */
export interface ShownMap {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}

export function shownMap(geometry: PageGeometry): ShownMap {
  const { left, bottom, right, top } = geometry;
  switch (geometry.rotation) {
    case 0:
      return { a: 1, b: 0, c: 0, d: -1, e: -left, f: top };
    case 1:
      return { a: 0, b: 1, c: 1, d: 0, e: -bottom, f: -left };
    case 2:
      return { a: -1, b: 0, c: 0, d: 1, e: right, f: -bottom };
    case 3:
      return { a: 0, b: -1, c: -1, d: 0, e: top, f: right };
  }
}

/** The direction nearest to the vector (x, y) on the shown page, y downwards. */
export function directionOf(x: number, y: number): Direction {
  if (Math.abs(x) >= Math.abs(y)) {
    return x >= 0 ? 0 : 2;
  }
  return y >= 0 ? 1 : 3;
}
