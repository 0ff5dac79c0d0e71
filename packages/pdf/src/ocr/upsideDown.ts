import type { GrayImage, TextLine } from '../types';

/** Returns the image turned by 180 degrees. */
export function upsideDown(image: GrayImage): GrayImage {
  return { ...image, pixels: image.pixels.slice().reverse() };
}

/** Returns a line of the turned image with its box in the original image. */
export function turnedBack(line: TextLine): TextLine {
  return { ...line, x0: 1 - line.x1, y0: 1 - line.y1, x1: 1 - line.x0, y1: 1 - line.y0 };
}
