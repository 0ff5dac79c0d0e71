import type { GrayImage, TextLine } from '../types';

/** Pixels darker than this are ink. */
const ink = 128;
/** Enough ink to see lines in. A page has a few hundred thousand pixels of it. */
const maxPoints = 15_000;
/** With less ink, an angle means little. */
const minPoints = 1_000;
/** Degrees. Scans lie at most so far askew. */
const maxAngle = 10;
const coarseStep = 0.5;
const fineStep = 0.1;
/** Tesseract reads lines that lie less askew, and keeps columns apart. */
const minAngle = 0.8;
/** How much sharper lines must become. Drawings have no lines that could. */
const minGain = 1.15;
/** How much sharper sideways lines must be than upright ones. Tables with long vertical rules come close to 1. */
const minSidewaysGain = 1.25;
/** A row of the histogram is so many pixels high: a fifth of a line of small print at 200 dpi. */
const rowPixels = 4;

interface Points {
  x: Float32Array;
  y: Float32Array;
  maxX: number;
  maxY: number;
}

/** How the lines of a page lie. */
export interface LineDirection {
  /** Degrees by which the lines lie askew: 0 where they do not, or no lines are seen. Positive where lines go down to the right. */
  skew: number;
  /** True when the lines run downwards or upwards. */
  isSideways: boolean;
}

export function lineDirectionOf(image: GrayImage): LineDirection {
  const points = inkPoints(image);
  const across = { x: points.y, y: points.x, maxX: points.maxY, maxY: points.maxX };
  const upright = bestAngle(points);
  const sideways = bestAngle(across);
  // Turning the axes turns the angle the other way.
  const best = upright.sharpness >= sideways.sharpness ? upright : { ...sideways, angle: -sideways.angle };
  const isAskew =
    points.x.length >= minPoints && Math.abs(best.angle) >= minAngle && best.sharpness > minGain * best.asIs;
  return {
    skew: isAskew ? best.angle : 0,
    isSideways: sideways.sharpness > minSidewaysGain * upright.sharpness,
  };
}

/** Turns an image so that lines which lie askew by `angle` degrees become level. The size stays; corners become white. */
export function straightened(image: GrayImage, angle: number): GrayImage {
  const { width, height, pixels } = image;
  const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))];
  const turned = new Uint8Array(pixels.length).fill(255);
  const [centerX, centerY] = [width / 2, height / 2];
  for (let row = 0; row < height; row++) {
    const y = row - centerY;
    for (let column = 0; column < width; column++) {
      const x = column - centerX;
      const fromX = Math.round(cos * x - sin * y + centerX);
      const fromY = Math.round(sin * x + cos * y + centerY);
      if (fromX >= 0 && fromX < width && fromY >= 0 && fromY < height) {
        turned[row * width + column] = pixels[fromY * width + fromX] as number;
      }
    }
  }
  return { ...image, pixels: turned };
}

/** Returns a line of the straightened image with its box in the original image. */
export function askewAgain(line: TextLine, angle: number, { width, height }: GrayImage): TextLine {
  const [cos, sin] = [Math.cos(radians(angle)), Math.sin(radians(angle))];
  const corners = [line.x0, line.x1].flatMap((cornerX) =>
    [line.y0, line.y1].map((cornerY) => {
      const x = (cornerX - 0.5) * width;
      const y = (cornerY - 0.5) * height;
      return { x: fraction((cos * x - sin * y) / width + 0.5), y: fraction((sin * x + cos * y) / height + 0.5) };
    }),
  );
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  return { ...line, x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
}

function inkPoints({ width, height, pixels }: GrayImage): Points {
  let count = 0;
  for (const pixel of pixels) {
    count += pixel < ink ? 1 : 0;
  }
  const step = Math.max(1, Math.ceil(count / maxPoints));
  const x = new Float32Array(Math.floor(count / step));
  const y = new Float32Array(x.length);
  let seen = 0;
  for (let at = 0; at < pixels.length; at++) {
    if ((pixels[at] as number) < ink && ++seen % step === 0) {
      x[seen / step - 1] = at % width;
      y[seen / step - 1] = Math.floor(at / width);
    }
  }
  return { x, y, maxX: width, maxY: height };
}

function bestAngle(points: Points): { angle: number; sharpness: number; asIs: number } {
  const asIs = sharpnessAt(points, 0);
  let best = { angle: 0, sharpness: asIs };
  const tryAround = (center: number, reach: number, step: number) => {
    for (let angle = center - reach; angle <= center + reach + 1e-6; angle += step) {
      const sharpness = sharpnessAt(points, angle);
      best = sharpness > best.sharpness ? { angle, sharpness } : best;
    }
  };
  tryAround(0, maxAngle, coarseStep);
  tryAround(best.angle, coarseStep, fineStep);
  return { ...best, asIs };
}

/** How unevenly the ink is spread over rows that go down to the right by `angle` degrees. Along lines, it is most uneven. */
function sharpnessAt({ x, y, maxX, maxY }: Points, angle: number): number {
  const slope = Math.tan(radians(angle));
  const { length } = x;
  const reach = Math.abs(slope) * maxX;
  const rows = new Uint32Array(Math.ceil((maxY + 2 * reach) / rowPixels) + 2);
  for (let index = 0; index < length; index++) {
    const row = ((y[index] as number) - slope * (x[index] as number) + reach) / rowPixels;
    rows[Math.trunc(row)] = (rows[Math.trunc(row)] as number) + 1;
  }
  let sum = 0;
  for (const count of rows) {
    sum += count * count;
  }
  return sum;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

function fraction(value: number): number {
  return Math.min(1, Math.max(0, value));
}
