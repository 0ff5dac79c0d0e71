import { deflateSync } from 'node:zlib';
import { rawPdf, rawStream } from './rawPdf';

/** An image in grays, row by row from the top left. */
export interface GrayPixels {
  width: number;
  height: number;
  pixels: Uint8Array;
}

interface ImagePage {
  image: GrayPixels;
  /** A line of text at the bottom of the page. */
  text?: string;
  /** The clockwise rotation of the shown page. */
  rotate?: 0 | 90 | 180 | 270;
}

/** Makes a PDF like a scanner does: each page, of `size` in points, is an image. */
export function imagePdf(
  pages: readonly ImagePage[],
  size: readonly [width: number, height: number] = [612, 792],
): Buffer {
  const objectsOf = ({ image: { width, height, pixels }, text = '', rotate = 0 }: ImagePage, index: number) => {
    const number = 4 + 3 * index;
    const data = deflateSync(pixels).toString('latin1');
    return [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${size.join(' ')}] /Rotate ${rotate} /Contents ${number + 1} 0 R
         /Resources << /Font << /F 3 0 R >> /XObject << /I ${number + 2} 0 R >> >> >>`,
      rawStream(`q ${size[0]} 0 0 ${size[1]} 0 0 cm /I Do Q BT /F 8 Tf 300 20 Td (${text}) Tj ET`),
      `<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceGray
         /BitsPerComponent 8 /Filter /FlateDecode /Length ${data.length} >>\nstream\n${data}\nendstream`,
    ];
  };
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, index) => `${4 + 3 * index} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...pages.flatMap(objectsOf),
  ]);
}
