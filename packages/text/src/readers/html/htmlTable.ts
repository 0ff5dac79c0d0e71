import { maxPieceLength, type Piece } from '../../types';

/** A row with more columns becomes several rows. */
const maxColumns = 1_000;
/** A table is given in parts of at most so many rows and characters. Each part decides which of its columns are empty. */
const maxRows = 500;
const maxCharacters = 100_000;
/** The longest text of a value; the most that is repeated in one row because its cells span rows. In characters. */
const maxRepeated = 200;
const maxRepeatedInRow = 1_000;

interface Cell {
  column: number;
  text: string;
  colSpan: number;
  rowSpan: number;
  /** True when a part of it is preformatted. */
  isCode: boolean;
}

interface Row {
  /** The cells with text. */
  cells: Cell[];
  /** True when its cells are read one after the other. */
  isLayout: boolean;
}

/** How the text of a cell that is not part of a row is read. */
export interface CellReader {
  readText(text: string): void;
  readCode(text: string): void;
  put(piece: Piece): void;
}

/**
 * Gathers the rows of one table. A row of several cells becomes one line, in which an empty cell keeps its place; columns
 * without any text are left out, because pages use them as space. A cell that spans columns stands in the first of them, and one that spans
 * rows in each of them. A row of one cell keeps its line breaks, because pages use such rows for layout.
 */
export class HtmlTable {
  private rows: Row[] = [];
  private characters = 0;
  private row: Cell[] = [];
  private column = 0;
  /** The cells of rows above that reach into the next rows, by column. */
  private spanning = new Map<number, { text: string; rows: number }>();
  private isInRow = false;
  private isInCell = false;

  constructor(private readonly reader: CellReader) {}

  /** The open cell, or null. */
  get cell(): Cell | null {
    return this.isInCell ? (this.row.at(-1) ?? null) : null;
  }

  openCell(attributes: Record<string, string>): void {
    while (this.spanning.has(this.column)) {
      this.column++;
    }
    if (this.column >= maxColumns) {
      this.endRow();
    }
    const { column } = this;
    const colSpan = Math.max(1, spanOf(attributes.colspan, maxColumns - column));
    this.row.push({ column, text: '', colSpan, rowSpan: spanOf(attributes.rowspan, 65_534), isCode: false });
    this.column += colSpan;
    this.isInCell = true;
  }

  /** Adds text to the open cell. A row that becomes too long ends. */
  add(text: string, isCode: boolean): void {
    const { cell } = this;
    if (cell !== null) {
      cell.text += text;
      cell.isCode ||= isCode;
      if (cell.text.length > maxPieceLength) {
        this.endRow();
        this.flush();
      }
    }
  }

  openRow(): void {
    this.endRow();
    this.isInRow = true;
  }

  endRow(): void {
    const { row } = this;
    if (!this.isInRow && row.length === 0) {
      return;
    }
    this.row = [];
    this.isInRow = false;
    this.column = 0;
    this.isInCell = false;
    const shown = row.filter(({ text }) => text.trim() !== '');
    const repeated = shown.length === 0 || isLayoutRow(shown) ? [] : this.repeatedCells(row);
    this.countDown(row);
    if (shown.length > 0) {
      const cells = [...repeated, ...shown].sort((a, b) => a.column - b.column);
      this.rows.push({ cells, isLayout: cells.length === 1 || isLayoutRow(shown) });
      this.characters += shown.reduce((sum, { text }) => sum + text.length, 0);
    }
    if (this.rows.length >= maxRows || this.characters > maxCharacters) {
      this.flush();
    }
  }

  /** Ends the groups of rows that cells can span. */
  endSection(): void {
    this.endRow();
    this.spanning.clear();
  }

  /** Gives the complete rows. */
  flush(): void {
    const lines = this.rows.filter(({ isLayout }) => !isLayout).flatMap(({ cells }) => cells);
    const columns = [...new Set(lines.map(({ column }) => column))].sort((a, b) => a - b);
    for (const { cells, isLayout } of this.rows) {
      if (isLayout && !isValue(cells, columns)) {
        this.putCells(cells);
      } else {
        const texts = new Map(cells.map(({ column, text }) => [column, text]));
        this.reader.put({ cells: columns.map((column) => texts.get(column) ?? '') });
      }
    }
    this.rows = [];
    this.characters = 0;
  }

  /** Reads the cells of a row one after the other. */
  private putCells(cells: readonly Cell[]): void {
    const hasCode = cells.some(({ text, isCode }) => isCode && !isLineNumbers(text));
    for (const { text, isCode } of cells) {
      if (!isCode) {
        this.reader.readText(text);
      } else if (!hasCode || !isLineNumbers(text)) {
        this.reader.readCode(text);
      }
    }
  }

  /** The cells of the rows above that span this row. */
  private repeatedCells(row: readonly Cell[]): Cell[] {
    const repeated: Cell[] = [];
    let characters = 0;
    for (const [column, { text }] of this.spanning) {
      characters += text.length;
      if (text !== '' && characters <= maxRepeatedInRow && !row.some((cell) => cell.column === column)) {
        repeated.push({ column, text, colSpan: 1, rowSpan: 1, isCode: false });
      }
    }
    return repeated;
  }

  private countDown(row: readonly Cell[]): void {
    for (const [column, cell] of this.spanning) {
      cell.rows--;
      if (cell.rows <= 0) {
        this.spanning.delete(column);
      }
    }
    for (const { column, text, colSpan, rowSpan } of row) {
      const rows = rowSpan === 0 ? Number.POSITIVE_INFINITY : rowSpan - 1;
      for (let at = column; rows > 0 && at < column + colSpan; at++) {
        const isRepeated = at === column && text.trim().length <= maxRepeated;
        this.spanning.set(at, { text: isRepeated ? text.trim() : '', rows });
      }
    }
  }
}

/** True for a single short cell under another column than the first: it is a value of that column. */
function isValue([cell, ...others]: readonly Cell[], columns: readonly number[]): boolean {
  const isShort = cell !== undefined && others.length === 0 && cell.text.trim().length <= maxRepeated;
  return isShort && !isLayoutRow([cell]) && columns.indexOf(cell.column) > 0;
}

/** True for a row with lines of code, and for a single cell of several lines. */
function isLayoutRow(cells: readonly Cell[]): boolean {
  return cells.some(({ text, isCode }) => (isCode || cells.length === 1) && text.trim().includes('\n'));
}

/** The value of rowspan or colspan; 0 means to the end. */
function spanOf(value: string | undefined, most: number): number {
  const span = Number.parseInt(value ?? '1', 10);
  return Number.isNaN(span) || span < 0 ? 1 : Math.min(span, most);
}

/** True for the column beside code that counts its lines. */
function isLineNumbers(text: string): boolean {
  return /^\s*\d+(?:\s+\d+)*\s*$/u.test(text);
}
