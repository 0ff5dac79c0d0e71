import { contentPdf } from '@millrace/test-support';
import type { GrayImage } from '../src';
import { askewAgain, lineDirectionOf, straightened } from '../src/ocr/skew';
import { column, museumText, riverText, wrap } from './placedText';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

/** A page of text, turned by an angle in degrees against the clock around its middle. */
async function pageAskew(degrees: number): Promise<GrayImage> {
  const angle = (degrees * Math.PI) / 180;
  // A PDF has no numbers with exponents.
  const [cos = 0, sin = 0] = [Math.cos(angle), Math.sin(angle)].map((value) => Number(value.toFixed(6)));
  const lines = column(wrap(`${riverText} ${museumText}`, 60), 150, 500)
    .map(({ text, x, y }) => `BT /F 10 Tf ${x} ${y} Td (${text}) Tj ET`)
    .join(' ');
  const [x, y] = [300, 400];
  const turn = `${cos} ${sin} ${-sin} ${cos} ${x - cos * x + sin * y} ${y - sin * x - cos * y} cm`;
  const image = await folder.open(contentPdf(`${turn} ${lines}`), (file) =>
    file.renderPage?.(1, { dpi: 72, maxPixels: 10_000_000 }),
  );
  if (image === undefined) {
    throw new Error('The engine cannot draw.');
  }
  return image;
}

test.each([
  { degrees: 4, skew: -4, isSideways: false },
  { degrees: 0, skew: 0, isSideways: false },
  { degrees: 86, skew: 4, isSideways: true },
  { degrees: 270, skew: 0, isSideways: true },
])(
  'When the lines are turned by $degrees degrees, then the page lies askew by $skew',
  async ({ degrees, ...wanted }) => {
    const image = await pageAskew(degrees);
    const { skew, isSideways } = lineDirectionOf(image);
    expect(skew).toBeCloseTo(wanted.skew, 0);
    expect(isSideways).toBe(wanted.isSideways);
    expect(lineDirectionOf(straightened(image, skew)).skew).toBe(0);
  },
);

test('When a page was straightened, then the box of a line is found again where the line is', () => {
  const image = { width: 1000, height: 2000, pixels: new Uint8Array(), dpi: 100 };
  const line = { text: 'a', x0: 0.5, y0: 0.5, x1: 0.9, y1: 0.5, fontSize: 10, bold: false };
  const { x0, y0, x1, y1 } = askewAgain(line, 3, image);
  expect([x0, y0]).toEqual([0.5, 0.5]);
  expect(x1).toBeCloseTo(0.5 + 0.4 * Math.cos(0.05236), 3);
  // Lines that lie askew by a positive angle go down to the right.
  expect(y1).toBeCloseTo(0.5 + 0.2 * Math.sin(0.05236), 3);
});
