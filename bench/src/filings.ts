import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawnPdf } from '@millrace/test-support';
import { root } from './benchStack';
import { Prose } from './prose';

/** Raised when the files change, so that those of an earlier version are not measured. */
const version = 1;

/** Pages of each filing. Real annual and quarterly reports are as long. */
const lengths = [60, 80, 100, 110, 120, 140, 160, 180, 200, 250];

const left = 72;
const width = 468;
const bottom = 700;

/**
 * Makes the default input of the benchmarks: ten PDFs like the annual reports of companies, 1,400 pages, with an outline,
 * headings, paragraphs, tables of figures, running titles and page numbers. They are the same everywhere.
 * @returns their folder. They are made once.
 */
export async function madeFilings(): Promise<string> {
  const folder = join(root, '.millrace', 'bench', `filings-${version}`);
  if (!existsSync(folder)) {
    console.error('Making the ten PDFs of the benchmarks (once, some seconds) ...');
    const unfinished = `${folder}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    for (const [index, pages] of lengths.entries()) {
      const name = `filing-${String(index + 1).padStart(2, '0')}.pdf`;
      writeFileSync(join(unfinished, name), await new Filing(index + 1, pages).pdf());
    }
    renameSync(unfinished, folder);
  }
  return folder;
}

/** One filing. Its number is the seed of its text. */
class Filing {
  private readonly prose: Prose;
  private page = 0;

  constructor(
    private readonly number: number,
    private readonly pages: number,
  ) {
    this.prose = new Prose(number);
  }

  pdf(): Promise<Buffer> {
    // Without fixed dates and names the same filing would have other bytes, and so be another document, each time.
    const info = { Title: this.title, CreationDate: new Date('2024-01-01T00:00:00Z') };
    return drawnPdf((document) => this.draw(document), { info, margin: 36 });
  }

  private get title(): string {
    return `Annual report of company ${this.number}`;
  }

  private draw(document: PDFKit.PDFDocument): void {
    this.addPage(document);
    document.font('Helvetica-Bold').fontSize(24).text(this.title, left, 200, { width, align: 'center' });
    for (let part = 1; this.page < this.pages; part++) {
      this.drawPart(document, part);
    }
  }

  /** Draws a part: a heading, then sections of paragraphs and a table, on about twenty pages. */
  private drawPart(document: PDFKit.PDFDocument, part: number): void {
    this.addPage(document);
    const heading = `Part ${part}. ${this.heading()}`;
    const entry = document.outline.addItem(heading);
    document.font('Helvetica-Bold').fontSize(16).text(heading, left, 90, { width });
    const last = Math.min(this.page + 19, this.pages);
    for (let section = 1; this.page < last || document.y < bottom; section++) {
      const title = `${part}.${section} ${this.heading()}`;
      this.makeRoom(document, 100);
      entry.addItem(title);
      document.moveDown().font('Helvetica-Bold').fontSize(12).text(title, left, document.y, { width });
      for (let paragraph = 0; paragraph < 4; paragraph++) {
        this.drawParagraph(document);
      }
      this.drawTable(document);
      if (this.page >= last) {
        return;
      }
    }
  }

  private drawParagraph(document: PDFKit.PDFDocument): void {
    const text = this.prose.passage(90);
    // Seven lines, and the space above.
    this.makeRoom(document, 100);
    document.font('Times-Roman').fontSize(10).moveDown(0.6).text(text, left, document.y, { width });
  }

  /** Draws twelve rows of a label and three numbers. */
  private drawTable(document: PDFKit.PDFDocument): void {
    this.makeRoom(document, 220);
    document.font('Times-Bold').fontSize(9).moveDown();
    this.drawRow(document, ['In thousands', '2023', '2022', '2021']);
    document.font('Times-Roman');
    for (let row = 0; row < 12; row++) {
      this.drawRow(document, [this.heading(), this.prose.amount(), this.prose.amount(), this.prose.amount()]);
    }
  }

  private drawRow(document: PDFKit.PDFDocument, [label = '', ...numbers]: string[]): void {
    const { y } = document;
    document.text(label, left, y, { width: 250 });
    for (const [index, number] of numbers.entries()) {
      document.text(number, left + 258 + index * 70, y, { width: 70, align: 'right' });
    }
    document.y = y + 14;
  }

  private heading(): string {
    return this.prose.title();
  }

  /** Begins a page where less than `height` points are left on this one. */
  private makeRoom(document: PDFKit.PDFDocument, height: number): void {
    if (document.y + height > bottom) {
      this.addPage(document);
    }
  }

  private addPage(document: PDFKit.PDFDocument): void {
    this.page += 1;
    document.addPage().font('Times-Roman').fontSize(9);
    document.text(this.title, left, 40, { width, lineBreak: false });
    document.text(String(this.page), left, 715, { width, align: 'center', lineBreak: false });
    document.x = left;
    document.y = 90;
  }
}
