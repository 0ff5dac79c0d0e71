import { deflateSync } from 'node:zlib';
import { rawStream } from './rawPdf';

/**
 * Makes a PDF with a page for each text. Its objects are compressed in one stream, as most programs write them today. The
 * cross-reference stream comes last, and `cutOff` leaves it out.
 */
export function compressedPdf(texts: readonly string[], { cutOff = false } = {}): Buffer {
  const pageNumber = (index: number) => 4 + 2 * index;
  const compressed = new Map<number, string>([
    [1, '<< /Type /Catalog /Pages 2 0 R >>'],
    [2, `<< /Type /Pages /Count ${texts.length} /Kids [${texts.map((_, i) => `${pageNumber(i)} 0 R`).join(' ')}] >>`],
    [3, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'],
  ]);
  const parts: Buffer[] = [];
  const offsets = new Map<number, number>();
  const add = (text: string | Buffer) => parts.push(Buffer.from(text as string, 'latin1'));
  const addObject = (number: number, body: string | Buffer) => {
    offsets.set(number, Buffer.concat(parts).length);
    add(`${number} 0 obj\n`);
    add(body);
    add('\nendobj\n');
  };
  add('%PDF-1.5\n');
  for (const [index, text] of texts.entries()) {
    const number = pageNumber(index);
    compressed.set(
      number,
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${number + 1} 0 R /Resources << /Font << /F 3 0 R >> >> >>`,
    );
    addObject(number + 1, rawStream(`BT /F 24 Tf 72 700 Td (${text}) Tj ET`));
  }
  const stream = pageNumber(texts.length);
  const places: string[] = [];
  let bodies = '';
  for (const [number, body] of compressed) {
    places.push(`${number} ${bodies.length}`);
    bodies += `${body}\n`;
  }
  const head = `${places.join(' ')}\n`;
  const data = deflateSync(Buffer.from(head + bodies, 'latin1'));
  const about = `/Type /ObjStm /N ${compressed.size} /First ${head.length} /Filter /FlateDecode /Length ${data.length}`;
  addObject(stream, Buffer.concat([Buffer.from(`<< ${about} >>\nstream\n`), data, Buffer.from('\nendstream')]));
  if (cutOff) {
    return Buffer.concat(parts);
  }

  const table = stream + 1;
  const start = Buffer.concat(parts).length;
  offsets.set(table, start);
  const entries = Buffer.alloc(7 * (table + 1));
  const inStream = [...compressed.keys()];
  for (let number = 1; number <= table; number++) {
    const at = 7 * number;
    const index = inStream.indexOf(number);
    entries.writeUInt8(index < 0 ? 1 : 2, at);
    entries.writeUInt32BE(index < 0 ? (offsets.get(number) ?? 0) : stream, at + 1);
    entries.writeUInt16BE(Math.max(0, index), at + 5);
  }
  const tableAbout = `/Type /XRef /Root 1 0 R /Size ${table + 1} /W [1 4 2] /Length ${entries.length}`;
  addObject(table, Buffer.concat([Buffer.from(`<< ${tableAbout} >>\nstream\n`), entries, Buffer.from('\nendstream')]));
  add(`startxref\n${start}\n%%EOF\n`);
  return Buffer.concat(parts);
}

/** Makes a small broken PDF that makes the second engine (@libpdf/core 0.4.2) fill its memory without end. */
export function insatiablePdf(): Buffer {
  return Buffer.from('%PDF-1.7\n1 0 obj\n<< /Kids [2 0 R)] >>\nendobj\n%/Type /ObjStm\n', 'latin1');
}

/** Makes a small broken PDF that the second engine reads without end. */
export function endlessPdf(): Buffer {
  return Buffer.from('%PDF-1.7\n1 0 obj\n<< /)Kids [2 0 R] >>\nendobj\n%/Type /ObjStm\n', 'latin1');
}
