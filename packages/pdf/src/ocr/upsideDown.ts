import type { GrayImage, TextLine } from '../types';

/** The image turned by 180 degrees. */
export function upsideDown(image: GrayImage): GrayImage {
  return { ...image, pixels: image.pixels.slice().reverse() };
}

/** Where a line of the turned image stands in the image itself. */
export function turnedBack(line: TextLine): TextLine {
  return { ...line, x0: 1 - line.x1, y0: 1 - line.y1, x1: 1 - line.x0, y1: 1 - line.y0 };
}
