import { splitText } from '../../splitText';
import { maxPieceLength, type Piece } from '../../types';
import { ListMarkers } from '../listMarkers';
import { HtmlTable } from './htmlTable';
import { integerOf, numberingOf } from './listNumbering';
import { SmallText } from './smallText';
import { isStyledBlock, type WhiteSpace, whiteSpaceOf } from './styles';

type Attributes = Record<string, string>;

const blockNames = new Set(
  (
    'address article aside blockquote body br caption dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'header hgroup hr legend li listing main ol option p plaintext pre section summary textarea ul xmp'
  ).split(' '),
);
const headingName = /^h([1-6])$/;
/** Deeper tables are read as part of the table around them. */
const maxTables = 100;

/** Gathers the text of the shown elements of an HTML document into pieces. */
export class HtmlText {
  private pieces: Piece[] = [];
  private text = '';
  /** The open tables, the outermost first. */
  private readonly tables: HtmlTable[] = [];
  private ignoredTables = 0;
  private headingLevel: number | undefined;
  private depth = 0;
  /** The open elements that show white space in a way of their own. */
  private readonly whiteSpaces: { depth: number; kind: WhiteSpace | 'collapsed' }[] = [];
  /** The depths of the open elements that only a style makes a block. */
  private readonly styledBlocks: number[] = [];
  private readonly markers = new ListMarkers();
  private readonly small = new SmallText();

  /** Returns the complete pieces and forgets them. */
  take(): Piece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  /** Completes the last piece. */
  end(): void {
    this.endText();
    // The tables around the innermost one gave their rows when it was opened.
    const table = this.tables.at(-1);
    table?.endRow();
    table?.flush();
  }

  openElement(name: string, attributes: Attributes): void {
    this.depth++;
    this.openBlock(name, attributes);
    this.small.open(name);
    if (!blockNames.has(name) && isStyledBlock(attributes)) {
      this.styledBlocks.push(this.depth);
      this.breakLine();
    }
    if (name === 'ul' || name === 'ol') {
      this.markers.openList(name === 'ol' ? numberingOf(attributes) : null);
    } else if (name === 'li') {
      this.markers.startItem(integerOf(attributes.value));
    }
    const whiteSpace = blockNames.has(name) || name === 'td' || name === 'th' ? whiteSpaceOf(name, attributes) : null;
    if (whiteSpace !== null) {
      this.whiteSpaces.push({ depth: this.depth, kind: whiteSpace });
    } else if (name === 'img' && attributes.alt) {
      this.add(` ${attributes.alt} `);
    }
  }

  closeElement(name: string): void {
    if (headingName.test(name)) {
      this.endText();
      this.headingLevel = undefined;
    } else if (name === 'tr') {
      this.tables.at(-1)?.endRow();
    } else if (name === 'table') {
      this.closeTable();
    } else if (blockNames.has(name)) {
      this.breakLine();
    }
    if (name === 'ul' || name === 'ol') {
      this.markers.closeList();
    } else if (name === 'li') {
      this.markers.endItem();
    }
    this.closeStyles();
    const reading = this.small.close(name);
    if (reading !== '') {
      this.add(reading);
    }
    this.depth--;
  }

  private closeStyles(): void {
    if (this.styledBlocks.at(-1) === this.depth) {
      this.styledBlocks.pop();
      this.breakLine();
    }
    const whiteSpace = this.whiteSpaces.at(-1);
    if (whiteSpace === undefined || whiteSpace.depth < this.depth) {
      return;
    }
    if (this.keepsSpace) {
      this.endText();
      // What follows is another block, even if it is preformatted too.
      this.pieces.push({ code: '' });
    }
    this.whiteSpaces.pop();
  }

  private get whiteSpace(): WhiteSpace | 'collapsed' {
    return this.whiteSpaces.at(-1)?.kind ?? 'collapsed';
  }

  private get keepsSpace(): boolean {
    return this.whiteSpace === 'kept' || this.whiteSpace === 'wrapped';
  }

  /** Adds text to the open cell, or to the open line when no cell is open. */
  add(text: string): void {
    const { whiteSpace } = this;
    const isCode = this.keepsSpace;
    const shown = this.small.shown(text);
    const added = isCode ? shown : shown.replace(whiteSpace === 'lines' ? /[^\S\r\n]+/gu : /\s+/gu, ' ');
    const table = this.tables.at(-1);
    if (table?.cell) {
      table.add(/\S/u.test(added) ? this.markers.take() + added : added, isCode);
      return;
    }
    this.text += added;
    if (this.text.length > maxPieceLength) {
      this.endLongText();
    }
  }

  private openBlock(name: string, attributes: Attributes): void {
    const table = this.tables.at(-1);
    const heading = headingName.exec(name);
    if (heading !== null) {
      this.end();
      this.headingLevel = Number(heading[1]);
    } else if (name === 'table') {
      this.openTable();
    } else if (name === 'tr') {
      this.endText();
      table?.openRow();
    } else if (name === 'thead' || name === 'tbody' || name === 'tfoot') {
      table?.endSection();
    } else if (name === 'td' || name === 'th') {
      this.endText();
      (table ?? this.openTable()).openCell(attributes);
    } else if (name === 'br' && this.keepsSpace) {
      this.add('\n');
    } else if (blockNames.has(name)) {
      this.breakLine();
    }
  }

  private openTable(): HtmlTable {
    const outer = this.tables.at(-1);
    this.end();
    if (outer !== undefined && this.tables.length >= maxTables) {
      this.ignoredTables++;
      return outer;
    }
    const table = new HtmlTable({
      readText: (text) => this.put(text),
      readCode: (text) => this.putCode(text),
      put: (piece) => this.pieces.push(piece),
    });
    this.tables.push(table);
    return table;
  }

  private closeTable(): void {
    this.end();
    if (this.ignoredTables > 0) {
      this.ignoredTables--;
    } else {
      this.tables.pop();
    }
  }

  /** Ends the line where a block begins or ends. A cell keeps a line break instead. */
  private breakLine(): void {
    const table = this.tables.at(-1);
    if (table?.cell) {
      table.add('\n', false);
    } else {
      this.endText();
    }
  }

  private endText(): void {
    const { text } = this;
    this.text = '';
    // Editors write paragraphs with this style. One without a line break is a paragraph like others.
    const isCode = this.whiteSpace === 'kept' || (this.whiteSpace === 'wrapped' && /[\r\n]/u.test(text.trim()));
    if (isCode) {
      this.putCode(text);
    } else {
      this.put(text);
    }
  }

  /** Ends a text that is very long. A line of code is not cut, unless it is the only one. */
  private endLongText(): void {
    const lines = this.text.lastIndexOf('\n') + 1;
    if (!this.keepsSpace || lines === 0) {
      this.endText();
      return;
    }
    const rest = this.text.slice(lines);
    this.text = this.text.slice(0, lines);
    this.endText();
    this.text = rest;
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

  private putCode(text: string): void {
    if (text === '') {
      return;
    }
    for (const line of text.replace(/\r?\n$/u, '').split(/\r\n|[\r\n]/u)) {
      this.pieces.push({ code: line.trim() === '' ? '' : this.markers.take() + line });
    }
  }
}
