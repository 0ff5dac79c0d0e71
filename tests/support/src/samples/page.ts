import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A table of text cells; the first column is aligned to the left, the others to the right. */
export interface Table {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** A part of a sample. A sample has its parts in reading order. */
export type Block =
  | { heading: string; level: 1 | 2 }
  | { paragraph: string }
  | { list: readonly string[] }
  | { table: Table }
  | { pageBreak: true };

export interface Sample {
  file: string;
  title: string;
  author: string;
  /** The date in the file. A fixed one makes the same bytes each time. */
  date: Date;
  /** True when the outline of the file names the sections. */
  outline: boolean;
  blocks: readonly Block[];
}

const margin = 64;
const body = 10.5;
const fonts = { plain: 'Helvetica', bold: 'Helvetica-Bold' };

function drawTable(doc: PDFKit.PDFDocument, table: Table): void {
  const width = doc.page.width - 2 * margin;
  const columns = table.head.length;
  const firstWidth = width * 0.34;
  const otherWidth = (width - firstWidth) / (columns - 1);
  for (const [index, cells] of [table.head, ...table.rows].entries()) {
    const top = doc.y;
    doc.font(index === 0 ? fonts.bold : fonts.plain).fontSize(body - 0.5);
    for (const [column, cell] of cells.entries()) {
      const left = column === 0 ? margin : margin + firstWidth + (column - 1) * otherWidth;
      const options = {
        width: column === 0 ? firstWidth : otherWidth,
        align: column === 0 ? 'left' : 'right',
      } as const;
      doc.text(cell, left, top, { ...options, lineBreak: false });
    }
    const bottom = top + 16;
    doc
      .moveTo(margin, bottom - 3)
      .lineTo(margin + width, bottom - 3)
      .lineWidth(index === 0 ? 0.8 : 0.3)
      .stroke();
    doc.x = margin;
    doc.y = bottom;
  }
  doc.moveDown(0.8);
}

function drawBlock(doc: PDFKit.PDFDocument, block: Block, outline: boolean): void {
  if ('pageBreak' in block) {
    doc.addPage();
  } else if ('heading' in block) {
    doc.moveDown(block.level === 1 ? 0.4 : 0.6);
    doc.font(fonts.bold).fontSize(block.level === 1 ? 17 : 12.5);
    if (outline) {
      doc.outline.addItem(block.heading);
    }
    doc.text(block.heading).moveDown(0.5);
  } else if ('paragraph' in block) {
    doc.font(fonts.plain).fontSize(body).text(block.paragraph, { lineGap: 2.5 }).moveDown(0.7);
  } else if ('list' in block) {
    doc.font(fonts.plain).fontSize(body);
    for (const [index, item] of block.list.entries()) {
      doc.text(`${index + 1}. ${item}`, { lineGap: 2, indent: 12 }).moveDown(0.3);
    }
    doc.moveDown(0.4);
  } else {
    drawTable(doc, block.table);
  }
}

/** Writes a sample as a PDF. The same sample gives the same bytes: it has no compression, no clock and no random id. */
export async function writeSample(sample: Sample, target: string): Promise<void> {
  const { default: PDFDocument } = await import('pdfkit');
  const doc = new PDFDocument({
    size: 'A4',
    margin,
    compress: false,
    info: { Title: sample.title, Author: sample.author, CreationDate: sample.date, ModDate: sample.date },
  });
  const written = finished(doc.pipe(createWriteStream(target)));
  for (const block of sample.blocks) {
    drawBlock(doc, block, sample.outline);
  }
  doc.end();
  await written;
}
