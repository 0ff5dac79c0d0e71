import type { Pdfium } from '../engine/pdfium';

/** Which way a text runs on the shown page, in quarter turns clockwise: 0 is left to right, 1 downwards. */
export type Direction = 0 | 1 | 2 | 3;

/** Where a page stands in its own (unrotated, y upwards) coordinates, and how it is turned to be shown. */
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

/** US letter: what viewers show when a page names no usable size. */
const fallback = { left: 0, bottom: 0, right: 612, top: 792 };

function quarterTurns(value: number): Direction {
  const turns = ((value % 4) + 4) % 4;
  return turns === 1 || turns === 2 || turns === 3 ? turns : 0;
}

/** The geometry of an open page. */
export function pageGeometry(pdfium: Pdfium, page: number): PageGeometry {
  const { fpdf, scratch } = pdfium;
  const rotation = quarterTurns(fpdf.FPDFPage_GetRotation(page));
  let box = fallback;
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
  const across = box.right - box.left;
  const upwards = box.top - box.bottom;
  const turned = rotation % 2 === 1;
  return { ...box, rotation, width: turned ? upwards : across, height: turned ? across : upwards };
}

/**
 * The affine map from the page's own coordinates to points from the shown page's top left corner:
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

/** How `geometry`'s page is shown. */
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
