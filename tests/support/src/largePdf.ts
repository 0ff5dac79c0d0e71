import { open } from 'node:fs/promises';
import { rawStream } from './rawPdf';

/** The side of each page's picture. With three bytes a pixel it is as large as a compressed scan. */
const pictureSide = 141;

/**
 * Writes a PDF of many pages, each a picture of 60 kB with a text layer, as scanners do. Only one page at a time is in
 * memory.
 * @param linesOf the lines of a page (from 1), without parentheses and backslashes.
 * @returns its size in bytes.
 */
export async function writeLargePdf(path: string, pages: number, linesOf: (page: number) => string[]): Promise<number> {
  const file = await open(path, 'w');
  try {
    const offsets: number[] = [];
    let position = 0;
    const write = async (piece: string | Buffer) => {
      const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
      await file.write(bytes);
      position += bytes.length;
    };
    const object = async (number: number, ...pieces: (string | Buffer)[]) => {
      offsets[number] = position;
      await write(Buffer.concat([`${number} 0 obj\n`, ...pieces, '\nendobj\n'].map((piece) => Buffer.from(piece))));
    };
    // No program decodes it, so any bytes will do.
    const picture = Buffer.alloc(pictureSide * pictureSide * 3, 'millrace');
    await write('%PDF-1.7\n');
    await object(1, '<< /Type /Catalog /Pages 2 0 R >>');
    await object(3, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>');
    const kids: string[] = [];
    for (let page = 0; page < pages; page++) {
      const [self, content, image] = [4 + page * 3, 5 + page * 3, 6 + page * 3];
      kids.push(`${self} 0 R`);
      await object(
        self,
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${content} 0 R ` +
          `/Resources << /Font << /F 3 0 R >> /XObject << /I ${image} 0 R >> >> >>`,
      );
      await object(content, rawStream(pageContent(linesOf(page + 1))));
      // No two pictures are alike.
      picture.writeUInt32LE(page, 0);
      const entries = `/Type /XObject /Subtype /Image /Width ${pictureSide} /Height ${pictureSide} /ColorSpace /DeviceRGB /BitsPerComponent 8`;
      await object(image, stream(entries, picture));
    }
    await object(2, `<< /Type /Pages /Count ${pages} /Kids [${kids.join(' ')}] >>`);
    const start = position;
    const rows = offsets.slice(1).map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`);
    await write(`xref\n0 ${offsets.length}\n0000000000 65535 f \n${rows.join('')}`);
    await write(`trailer\n<< /Size ${offsets.length} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`);
    return position;
  } finally {
    await file.close();
  }
}

function stream(entries: string, bytes: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`<< ${entries} /Length ${bytes.length} >>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ]);
}

function pageContent(lines: readonly string[]): string {
  const shown = lines.map((line) => `(${line}) Tj T*`).join('\n');
  return `q 612 0 0 792 0 0 cm /I Do Q BT /F 9 Tf 17 TL 50 740 Td ${shown} ET`;
}
