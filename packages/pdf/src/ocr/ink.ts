import type { GrayImage } from '../types';

/** Grays from this on count as paper. Scans of white paper are rarely quite white. */
const paper = 230;

/** The part of the image (0 to 1) that is not paper. */
export function inkOf({ pixels }: GrayImage): number {
  let ink = 0;
  for (const pixel of pixels) {
    ink += pixel < paper ? 1 : 0;
  }
  return pixels.length === 0 ? 0 : ink / pixels.length;
}
