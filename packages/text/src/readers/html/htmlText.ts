import { splitText } from '../splitText';
import { maxPieceLength, type Piece } from '../types';
import { ListMarkers } from './listMarkers';

const blockNames = new Set(
  (
    'address article aside blockquote body br caption dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'header hgroup hr legend li main ol option p pre section summary ul'
  ).split(' '),
);
const headingName = /^h([1-6])$/;
/** A table row with more cells becomes several rows. */
const maxCells = 1_000;

/** Gathers the text of the shown elements of an HTML document into pieces. */
export class HtmlText {
  private pieces: Piece[] = [];
  private text = '';
  /** The cells of the open table row. Empty outside of a row. */
  private cells: string[] = [];
  private headingLevel: number | undefined;
  /** How many `pre` elements are open. */
  private preformatted = 0;
  private readonly markers = new ListMarkers();

  /** Returns the complete pieces and forgets them. */
  take(): Piece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  /** Completes the last piece. */
  end(): void {
    this.endRow();
    this.endText();
  }

  openElement(name: string, attributes: Record<string, string>): void {
    this.openBlock(name);
    if (name === 'ul' || name === 'ol') {
      this.markers.openList(name === 'ol' ? Number.parseInt(attributes.start ?? '1', 10) || 1 : null);
    } else if (name === 'li') {
      this.markers.startItem();
    } else if (name === 'pre') {
      this.preformatted++;
    } else if (name === 'img' && attributes.alt) {
      this.add(` ${attributes.alt} `);
    }
  }

  closeElement(name: string): void {
    if (headingName.test(name)) {
      this.endText();
      this.headingLevel = undefined;
    } else if (name === 'tr' || name === 'table') {
      this.endRow();
    } else if (blockNames.has(name)) {
      this.breakLine();
    }
    if (name === 'ul' || name === 'ol') {
      this.markers.closeList();
    } else if (name === 'pre') {
      this.preformatted = Math.max(0, this.preformatted - 1);
    }
  }

  /** Adds text to the open cell, or to the open line when no cell is open. */
  add(text: string): void {
    const added = this.preformatted > 0 ? text : text.replace(/\s+/gu, ' ');
    const cell = this.cells.pop();
    if (cell === undefined) {
      this.text += added;
      if (this.text.length > maxPieceLength) {
        this.endText();
      }
    } else {
      this.cells.push(cell + added);
      if (cell.length + added.length > maxPieceLength) {
        this.endRow();
      }
    }
  }

  private openBlock(name: string): void {
    const heading = headingName.exec(name);
    if (heading !== null) {
      this.end();
      this.headingLevel = Number(heading[1]);
    } else if (name === 'table' || name === 'tr') {
      this.end();
    } else if (name === 'td' || name === 'th') {
      this.endText();
      if (this.cells.length === maxCells) {
        this.endRow();
      }
      this.cells.push('');
    } else if (blockNames.has(name)) {
      this.breakLine();
    }
  }

  /** Ends the line where a block begins or ends. A cell keeps a line break instead; see endRow. */
  private breakLine(): void {
    const last = this.cells.length - 1;
    if (last >= 0) {
      this.cells[last] += '\n';
    } else {
      this.endText();
    }
  }

  private endText(): void {
    this.put(this.text);
    this.text = '';
  }

  /**
   * Ends the open row. A row of several cells becomes one line. A row of one cell keeps its line breaks, because pages use
   * such rows for layout.
   */
  private endRow(): void {
    const cells = this.cells.filter((cell) => cell.trim() !== '');
    this.cells = [];
    if (cells.length > 1) {
      this.put(cells.map((cell) => cell.replace(/\s+/gu, ' ').trim()).join('\t'));
    } else {
      this.put(cells[0] ?? '');
    }
  }

  private put(text: string): void {
    for (const line of text.split(/\r\n|[\r\n]/u)) {
      if (line.trim() === '') {
        continue;
      }
      for (const part of splitText(this.markers.take() + line.trim())) {
        this.pieces.push(
          this.headingLevel === undefined ? { text: part } : { text: part, headingLevel: this.headingLevel },
        );
      }
    }
  }
}
