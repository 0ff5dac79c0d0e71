import type { GrayImage, TextLine } from '../types';

/** A way to turn an image, and lines of the turned image back. */
export interface Turn {
  image: (image: GrayImage) => GrayImage;
  back: (line: TextLine) => TextLine;
}

export const asShown: Turn = { image: (image) => image, back: (line) => line };

export const upsideDown: Turn = {
  image: (image) => ({ ...image, pixels: image.pixels.slice().reverse() }),
  back: (line) => ({ ...line, x0: 1 - line.x1, y0: 1 - line.y1, x1: 1 - line.x0, y1: 1 - line.y0 }),
};

/** Turns lines that run downwards upright. */
export const toTheLeft: Turn = {
  image: quarterLeft,
  back: (line) => ({ ...line, x0: 1 - line.y1, y0: line.x0, x1: 1 - line.y0, y1: line.x1 }),
};

/** Turns lines that run upwards upright. */
export const toTheRight: Turn = {
  image: (image) => quarterLeft(upsideDown.image(image)),
  back: (line) => ({ ...line, x0: line.y0, y0: 1 - line.x1, x1: line.y1, y1: 1 - line.x0 }),
};

function quarterLeft(image: GrayImage): GrayImage {
  const { width, height, pixels } = image;
  const turned = new Uint8Array(pixels.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      turned[(width - 1 - column) * height + row] = pixels[row * width + column] as number;
    }
  }
  return { ...image, width: height, height: width, pixels: turned };
}
