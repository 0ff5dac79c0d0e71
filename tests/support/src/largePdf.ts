import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export interface LargePdf {
  pages: number;
  /** About how large the file becomes. */
  bytes: number;
}

const OBJECTS_BEFORE_PAGES = 3;
const OBJECTS_PER_PAGE = 3;
const IMAGE_WIDTH = 100;

/** Some 2,500 characters, another text on each page. */
function textOf(page: number): string {
  const rows = Array.from(
    { length: 40 },
    (_, row) =>
      `Row ${row} of page ${page}: the wheel of mill ${(page * 7919 + row * 104729) % 99991} turns by the river.`,
  );
  return `BT /F 9 Tf 13 TL 40 740 Td ${rows.map((row) => `(${row}) Tj T*`).join(' ')} ET`;
}

/**
 * Writes a PDF of any size, page by page: on each page forty lines of text, and as much of an image as fills the file.
 * The same arguments give the same bytes.
 */
export async function writeLargePdf(path: string, { pages, bytes }: LargePdf): Promise<void> {
  const rows = Math.max(1, Math.floor((bytes / pages - textOf(pages).length - 700) / IMAGE_WIDTH));
  const image = Buffer.from(Array.from({ length: rows * IMAGE_WIDTH }, (_, index) => 33 + ((index * 7) % 90)));
  const out = createWriteStream(path);
  const offsets: number[] = [];
  let length = 0;
  const write = async (...parts: (string | Buffer)[]) => {
    for (const part of parts) {
      const buffer = Buffer.from(part as string, 'latin1');
      length += buffer.length;
      if (!out.write(buffer)) {
        await once(out, 'drain');
      }
    }
  };
  const object = async (...body: (string | Buffer)[]) => {
    offsets.push(length);
    await write(`${offsets.length} 0 obj\n`, ...body, '\nendobj\n');
  };
  const pageObject = (index: number) => OBJECTS_BEFORE_PAGES + OBJECTS_PER_PAGE * index + 1;
  await write('%PDF-1.7\n');
  await object('<< /Type /Catalog /Pages 2 0 R >>');
  const kids = Array.from({ length: pages }, (_, index) => `${pageObject(index)} 0 R`).join(' ');
  await object(`<< /Type /Pages /Count ${pages} /Kids [${kids}] >>`);
  await object('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>');
  for (let index = 0; index < pages; index++) {
    const number = pageObject(index);
    const content = `${textOf(index + 1)} q 100 0 0 100 450 20 cm /I Do Q`;
    await object(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${number + 1} 0 R`,
      ` /Resources << /Font << /F 3 0 R >> /XObject << /I ${number + 2} 0 R >> >> >>`,
    );
    await object(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    await object(
      `<< /Type /XObject /Subtype /Image /Width ${IMAGE_WIDTH} /Height ${rows} /ColorSpace /DeviceGray`,
      ` /BitsPerComponent 8 /Length ${image.length} >>\nstream\n`,
      image,
      '\nendstream',
    );
  }
  const start = length;
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  await write(`xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${entries}`);
  await write(`trailer\n<< /Size ${offsets.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`);
  out.end();
  await finished(out);
}
