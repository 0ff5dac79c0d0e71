import { open } from 'node:fs/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { Prose } from '../prose';

/** Side of each page's picture: in three bytes a pixel it is as large as a compressed scan. */
const PICTURE_SIDE = 141;
const WORDS_PER_LINE = 12;
const LINES = 40;

/**
 * Writes a PDF of many pages, each a picture of 60 kB with a text layer, as scanners make them. It is written page by
 * page and never held as a whole.
 * @returns its size in bytes.
 */
export async function writeLargePdf(path: string, pages: number): Promise<number> {
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
    const prose = new Prose(1);
    const picture = noise(PICTURE_SIDE * PICTURE_SIDE * 3);
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
      await object(content, stream('', Buffer.from(pageContent(prose))));
      // No two pictures are alike.
      picture.writeUInt32LE(page, 0);
      const entries = `/Type /XObject /Subtype /Image /Width ${PICTURE_SIDE} /Height ${PICTURE_SIDE} /ColorSpace /DeviceRGB /BitsPerComponent 8`;
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

function pageContent(prose: Prose): string {
  const words = prose
    .passage(WORDS_PER_LINE * LINES)
    .replace(/[()\\]/g, '')
    .split(' ');
  const lines = Array.from({ length: LINES }, (_, line) =>
    words.slice(line * WORDS_PER_LINE, (line + 1) * WORDS_PER_LINE).join(' '),
  );
  return `q 612 0 0 792 0 0 cm /I Do Q BT /F 9 Tf 17 TL 50 740 Td ${lines.map((line) => `(${line}) Tj T*`).join('\n')} ET`;
}

function noise(length: number): Buffer {
  const random = xoroshiro128plus(1);
  return Buffer.from(Array.from({ length }, () => uniformInt(random, 0, 255)));
}
