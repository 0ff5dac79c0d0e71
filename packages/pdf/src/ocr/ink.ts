import type { GrayImage } from '../types';

/** Grays from here on count as paper: scans of white paper are rarely quite white. */
const paper = 230;

/** Which part of the image (0 to 1) is not paper. */
export function inkOf({ pixels }: GrayImage): number {
  let ink = 0;
  for (const pixel of pixels) {
    ink += pixel < paper ? 1 : 0;
  }
  return pixels.length === 0 ? 0 : ink / pixels.length;
}
