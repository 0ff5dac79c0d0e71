import { rawPdf, rawStream } from './rawPdf';

export interface FormBomb {
  /** The pages that hold the bomb, from 1. */
  pages: readonly number[];
  /** How often each form draws the next one. */
  fanOut: number;
  /** The number of nested forms. The last one draws a word, so that the page has `fanOut` to the power of `depth` words. */
  depth: number;
}

/**
 * Makes a small PDF with a page of one line for each text. Some pages also draw nested forms. The engine needs much time
 * and memory for those.
 */
export function formBombPdf(texts: readonly string[], { pages, fanOut, depth }: FormBomb): Buffer {
  const first = 5 + depth;
  const form = (level: number) => {
    const isLast = level === depth;
    const content = isLast ? 'BT /F 8 Tf 72 400 Td (boom) Tj ET' : '/X Do '.repeat(fanOut);
    const resources = isLast ? '/Font << /F 3 0 R >>' : `/XObject << /X ${5 + level} 0 R >>`;
    const dictionary = `/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << ${resources} >>`;
    return `<< ${dictionary} /Length ${content.length} >>\nstream\n${content}\nendstream`;
  };
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${texts.length} /Kids [${texts.map((_, index) => `${first + 2 * index} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...Array.from({ length: depth + 1 }, (_, level) => form(level)),
    ...texts.flatMap((text, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${first + 2 * index + 1} 0 R
         /Resources << /Font << /F 3 0 R >> /XObject << /X 4 0 R >> >> >>`,
      rawStream(`BT /F 12 Tf 72 700 Td (${text}) Tj ET${pages.includes(index + 1) ? ' /X Do' : ''}`),
    ]),
  ]);
}
