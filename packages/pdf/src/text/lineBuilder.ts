import { kind, type PageCharacters, type Run } from './characters';
import { beginsNumber, endsNumber, isIdeographic, isOdd, isRightToLeft, isSign, shownCode } from './codes';
import { cellGap, type DraftLine, gutterGap, mergeRow, startLine } from './draftLine';
import { SizeVote } from './sizeVote';
import { TextBuffer } from './textBuffer';

/**
 * Gaps, in font sizes: beyond this two numbers stand in different cells of a row. Of some 1,500 gaps of 0.75 to 1.25
 * between numbers in real filings nearly all are between cells; between words such gaps follow bullets and item numbers.
 */
const numberCellGap = 0.7;
/**
 * The engine saw no space (a text object of its own begins a sentence), or a line break where there is none (a
 * superscript), but this gap is a space. Of the gaps in both corpora that are as wide, all are.
 */
const wordGap = 0.15;
/** Letters of scripts without spaces stand this far apart in lines that are stretched to the margin. */
const wideGap = 0.5;
/** Characters this close follow each other. */
const nearGap = 1;
const nearOverlap = -0.6;

const tab = 0x09;
const spaceCode = 0x20;
const hyphen = 0x2d;

/** One for all pages, which are put together one at a time and without a pause. */
const lineText = new TextBuffer();

/** Puts characters together to lines, in the order in which they were drawn. */
export class LineBuilder {
  readonly lines: DraftLine[] = [];
  private line: DraftLine | null = null;
  private readonly text = lineText;
  private characters = 0;
  private boldCharacters = 0;
  private readonly sizes = new SizeVote();
  private lastA0 = 0;
  private lastA1 = 0;
  private lastBase = 0;
  private lastRun = -1;
  /** The first character of the cell being read, and its place in the text. */
  private readonly cell = { first: 0, from: 0 };

  constructor(private readonly source: PageCharacters) {
    this.text.clear();
  }

  build(): DraftLine[] {
    const { source } = this;
    const { count, kind: kinds } = source;
    let pending: number = kind.glyph;
    for (let index = 0; index < count; index++) {
      const what = kinds[index];
      if (what === kind.space) {
        pending = kind.space;
      } else if (what === kind.lineBreak) {
        pending = pending === kind.space ? pending : kind.lineBreak;
      } else {
        if (what !== kind.glyph || pending === kind.lineBreak || !this.addNext(index, pending === kind.space)) {
          this.add(index, pending);
        }
        pending = kind.glyph;
      }
    }
    this.finish(count);
    return this.lines;
  }

  /**
   * The short way for what nearly all characters are: the next one of the same text object, right behind the last one
   * on the same base line. It does what `add` would do.
   * @returns false when the character is anything else; nothing has changed then.
   */
  private addNext(index: number, spaced: boolean): boolean {
    const { source, line } = this;
    const code = source.code[index] as number;
    if (
      line === null ||
      source.run[index] !== this.lastRun ||
      source.base[index] !== this.lastBase ||
      line.rightToLeft ||
      isOdd(code)
    ) {
      return false;
    }
    const a0 = source.a0[index] as number;
    const relative = (a0 - this.lastA1) / line.mainSize;
    if (!(relative > nearOverlap && relative <= (spaced ? wideGap : wordGap))) {
      return false;
    }
    if (spaced) {
      this.text.add(spaceCode);
    }
    this.text.add(code);
    line.splitsWord = false;
    const { size, bold } = source.runs[this.lastRun] as Run;
    this.characters++;
    this.boldCharacters += bold ? 1 : 0;
    this.sizes.add(size);
    this.extend(line, index);
    return true;
  }

  private add(index: number, pending: number): void {
    const { source } = this;
    const runIndex = source.run[index] as number;
    const { size, bold } = source.runs[runIndex] as Run;
    if (this.line === null || !this.continues(this.line, index)) {
      this.finish(index);
      this.line = startLine(source, index);
      this.startCell(index);
    } else {
      const gap = this.gapBefore(this.line, index) / this.line.mainSize;
      const separator = this.separator(gap, index, pending);
      const endsCell = gap > gutterGap;
      if (endsCell) {
        this.endCell(this.line, index);
      }
      if (separator !== 0) {
        this.text.add(separator);
      }
      if (endsCell) {
        this.startCell(index);
      }
    }
    const line = this.line;
    const code = source.code[index] as number;
    line.splitsWord = source.kind[index] === kind.lineEndHyphen || code === 0xad;
    this.text.add(line.splitsWord ? hyphen : shownCode(code));
    this.characters++;
    this.boldCharacters += bold ? 1 : 0;
    this.sizes.add(size);
    line.rightToLeft ||= isRightToLeft(code);
    this.extend(line, index);
    if (size > line.mainSize * 1.1) {
      line.mainSize = size;
      line.base = source.base[index] as number;
    }
    this.lastRun = runIndex;
    this.lastBase = source.base[index] as number;
  }

  private extend(line: DraftLine, index: number): void {
    const { source } = this;
    const a0 = source.a0[index] as number;
    const a1 = source.a1[index] as number;
    const c0 = source.c0[index] as number;
    const c1 = source.c1[index] as number;
    line.a0 = Math.min(a0, line.a0);
    line.a1 = Math.max(a1, line.a1);
    line.c0 = Math.min(c0, line.c0);
    line.c1 = Math.max(c1, line.c1);
    this.lastA0 = a0;
    this.lastA1 = a1;
  }

  /** True when the character stands on `line`: next to its end, or further along on the same base line. */
  private continues(line: DraftLine, index: number): boolean {
    const { source } = this;
    const { direction, size } = source.runs[source.run[index] as number] as Run;
    if (direction !== line.direction) {
      return false;
    }
    if (
      source.a0[index] === this.lastA0 &&
      source.a1[index] === this.lastA1 &&
      source.base[index] === this.lastBase &&
      source.run[index] === this.lastRun
    ) {
      // The next letter of a ligature has the box of the whole.
      return true;
    }
    const larger = Math.max(size, line.mainSize);
    const offset = Math.abs((source.base[index] ?? 0) - line.base);
    const gap = (source.a0[index] ?? 0) - this.lastA1;
    const near =
      (gap > nearOverlap * larger && gap < nearGap * larger) ||
      (line.rightToLeft && Math.abs((source.a1[index] ?? 0) - this.lastA0) < 2 * larger);
    if (near) {
      // Superscripts and subscripts stay on the line they belong to.
      return offset < 0.5 * larger;
    }
    return gap >= 0 && offset < 0.35 * Math.min(size, line.mainSize);
  }

  /** From the last character to the one at `index`, in points. */
  private gapBefore(line: DraftLine, index: number): number {
    const { source } = this;
    const gap = (source.a0[index] ?? 0) - this.lastA1;
    return line.rightToLeft ? Math.max(this.lastA0 - (source.a1[index] ?? 0), gap) : gap;
  }

  /** The code of what separates the character from the one before it, `gap` font sizes away; 0 for nothing. */
  private separator(gap: number, index: number, pending: number): number {
    const { source } = this;
    const code = source.code[index] as number;
    const last = this.text.at(this.text.length - 1);
    if (gap > cellGap || (gap > numberCellGap && endsNumber(last) && beginsNumber(code))) {
      return endsInLoneSign(this.text) ? spaceCode : tab;
    }
    if (pending === kind.space) {
      return spaceCode;
    }
    const spaceless = isIdeographic(code) && isIdeographic(last);
    return gap > (spaceless ? wideGap : wordGap) ? spaceCode : 0;
  }

  private startCell(index: number): void {
    this.cell.first = index;
    this.cell.from = this.text.length;
  }

  /** @param end The index after that of the cell's last character. */
  private endCell(line: DraftLine, end: number): void {
    const { source, cell } = this;
    const sizes = new SizeVote();
    let boldOverOthers = 0;
    for (let index = cell.first; index < end; index++) {
      const what = source.kind[index];
      if (what !== kind.space && what !== kind.lineBreak) {
        const { size, bold } = source.runs[source.run[index] as number] as Run;
        sizes.add(size);
        boldOverOthers += bold ? 1 : -1;
      }
    }
    line.cells.push({
      from: cell.from,
      to: this.text.length,
      a0: Math.min(source.a0[cell.first] as number, this.lastA0),
      a1: Math.max(source.a1[cell.first] as number, this.lastA1),
      size: sizes.winner,
      bold: boldOverOthers > 0,
    });
  }

  /** @param end The index after that of the line's last character. */
  private finish(end: number): void {
    const { line } = this;
    if (line !== null) {
      if (line.cells.length > 0) {
        this.endCell(line, end);
      }
      line.text = this.text.take();
      line.size = this.sizes.winner;
      line.bold = this.boldCharacters * 2 > this.characters;
      const before = this.lines.at(-1);
      if (before === undefined || !mergeRow(before, line)) {
        this.lines.push(line);
      }
    }
    this.line = null;
    this.characters = 0;
    this.boldCharacters = 0;
    this.sizes.clear();
  }
}

/** A currency sign in a cell of its own belongs to the number in the next one. */
function endsInLoneSign(text: TextBuffer): boolean {
  const last = text.at(text.length - 1);
  const before = text.at(text.length - 2);
  return isSign(last) && (text.length === 1 || before === 0x20 || before === 0x09);
}
