import { kind, type PageCharacters, type Run } from './characters';
import type { Direction } from './geometry';
import { TextBuffer } from './textBuffer';

/** Gaps, in font sizes: beyond this two words stand in different cells of a row. */
const CELL_GAP = 1.5;
/**
 * The same between two numbers, which prose never sets apart like this: of some 1,500 gaps of 0.75 to 1.25 between
 * numbers in real filings nearly all are between cells, while between words such gaps follow bullets and item numbers.
 */
const NUMBER_CELL_GAP = 0.7;
/**
 * The engine saw no space (a text object of its own begins a sentence), or a line break where there is none (a
 * superscript), but this gap is a space. Of the gaps in both corpora that are as wide, all are.
 */
const WORD_GAP = 0.15;
/** Letters of scripts without spaces stand this far apart in lines that are stretched to the margin. */
const WIDE_GAP = 0.5;
/** Characters this close follow each other. */
const NEAR_GAP = 1;
const NEAR_OVERLAP = -0.6;

const TAB = 0x09;
const SPACE = 0x20;
const HYPHEN = 0x2d;

/** A line being put together: `text` is in `units` until it is finished. Extents as in PageCharacters. */
export interface DraftLine {
  text: string;
  direction: Direction;
  a0: number;
  a1: number;
  c0: number;
  c1: number;
  base: number;
  /** Size of the largest characters: they carry the base line. */
  mainSize: number;
  /** Size of most characters. */
  size: number;
  bold: boolean;
  rightToLeft: boolean;
  /** The last character is a hyphen that splits a word, which goes on in the next line. */
  splitsWord: boolean;
}

/** One for all pages, which are put together one at a time and without a pause. */
const lineText = new TextBuffer();

/** Puts characters together to lines, in the order in which they were drawn. */
export class LineBuilder {
  readonly lines: DraftLine[] = [];
  private line: DraftLine | null = null;
  private readonly text = lineText;
  private characters = 0;
  private boldCharacters = 0;
  private votes = 0;
  private lastA0 = 0;
  private lastA1 = 0;
  private lastBase = 0;
  private lastRun = -1;

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
    this.finish();
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
    if (!(relative > NEAR_OVERLAP && relative <= (spaced ? WIDE_GAP : WORD_GAP))) {
      return false;
    }
    if (spaced) {
      this.text.add(SPACE);
    }
    this.text.add(code);
    line.splitsWord = false;
    const { size, bold } = source.runs[this.lastRun] as Run;
    this.characters++;
    this.boldCharacters += bold ? 1 : 0;
    this.vote(line, size);
    this.extend(line, index);
    return true;
  }

  private add(index: number, pending: number): void {
    const { source } = this;
    const runIndex = source.run[index] as number;
    const { size, bold } = source.runs[runIndex] as Run;
    if (this.line === null || !this.continues(this.line, index)) {
      this.finish();
      this.line = startLine(source, index);
    } else {
      const separator = this.separator(this.line, index, pending);
      if (separator !== 0) {
        this.text.add(separator);
      }
    }
    const line = this.line;
    const code = source.code[index] as number;
    line.splitsWord = source.kind[index] === kind.lineEndHyphen || code === 0xad;
    this.text.add(line.splitsWord ? HYPHEN : shownCode(code));
    this.characters++;
    this.boldCharacters += bold ? 1 : 0;
    this.vote(line, size);
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
      (gap > NEAR_OVERLAP * larger && gap < NEAR_GAP * larger) ||
      (line.rightToLeft && Math.abs((source.a1[index] ?? 0) - this.lastA0) < 2 * larger);
    if (near) {
      // Superscripts and subscripts stay on the line they belong to.
      return offset < 0.5 * larger;
    }
    return gap >= 0 && offset < 0.35 * Math.min(size, line.mainSize);
  }

  /** The code of what separates the character from the one before it; 0 for nothing. */
  private separator(line: DraftLine, index: number, pending: number): number {
    const { source } = this;
    const gap = line.rightToLeft
      ? Math.max(this.lastA0 - (source.a1[index] ?? 0), (source.a0[index] ?? 0) - this.lastA1)
      : (source.a0[index] ?? 0) - this.lastA1;
    const relative = gap / line.mainSize;
    const code = source.code[index] as number;
    const last = this.text.at(this.text.length - 1);
    if (relative > CELL_GAP || (relative > NUMBER_CELL_GAP && endsNumber(last) && beginsNumber(code))) {
      return endsInLoneSign(this.text) ? SPACE : TAB;
    }
    if (pending === kind.space) {
      return SPACE;
    }
    const spaceless = isIdeographic(code) && isIdeographic(last);
    return relative > (spaceless ? WIDE_GAP : WORD_GAP) ? SPACE : 0;
  }

  /** The size most characters have, by majority vote. */
  private vote(line: DraftLine, size: number): void {
    if (Math.abs(size - line.size) < 0.1) {
      this.votes++;
    } else if (this.votes === 0) {
      line.size = size;
      this.votes = 1;
    } else {
      this.votes--;
    }
  }

  private finish(): void {
    const { line } = this;
    if (line !== null) {
      line.text = this.text.take();
      line.bold = this.boldCharacters * 2 > this.characters;
      const before = this.lines.at(-1);
      if (before === undefined || !mergeRow(before, line)) {
        this.lines.push(line);
      }
    }
    this.line = null;
    this.characters = 0;
    this.boldCharacters = 0;
    this.votes = 0;
  }
}

function startLine(source: PageCharacters, index: number): DraftLine {
  const { size, direction } = source.runs[source.run[index] as number] as Run;
  return {
    text: '',
    direction,
    a0: source.a0[index] ?? 0,
    a1: source.a1[index] ?? 0,
    c0: source.c0[index] ?? 0,
    c1: source.c1[index] ?? 0,
    base: source.base[index] ?? 0,
    mainSize: size,
    size,
    bold: false,
    rightToLeft: false,
    splitsWord: false,
  };
}

/** Adds `line` to `before` when it was drawn later but stands to the left on the same base line: cells of one row. */
function mergeRow(before: DraftLine, line: DraftLine): boolean {
  const onBase =
    before.direction === line.direction &&
    Math.abs(before.base - line.base) < 0.35 * Math.min(before.mainSize, line.mainSize);
  const gap = before.a0 - line.a1;
  if (!onBase || gap < 0 || before.rightToLeft || line.rightToLeft) {
    return false;
  }
  const separator = gap > CELL_GAP * line.mainSize ? '\t' : ' ';
  before.text = `${line.text}${separator}${before.text}`;
  before.bold &&= line.bold;
  before.a0 = line.a0;
  before.c0 = Math.min(before.c0, line.c0);
  before.c1 = Math.max(before.c1, line.c1);
  return true;
}

/** A currency sign in a cell of its own belongs to the number in the next one. */
function endsInLoneSign(text: TextBuffer): boolean {
  const last = text.at(text.length - 1);
  const before = text.at(text.length - 2);
  return isSign(last) && (text.length === 1 || before === 0x20 || before === 0x09);
}

/** True for what a number in a table ends in: a digit, "%", ")" or the dash that stands for nothing. */
function endsNumber(code: number): boolean {
  return isDigit(code) || code === 0x25 || code === 0x29 || isDash(code);
}

/** True for what a number in a table begins with: a digit, "$", "€", "£", "¥", "(" or a dash. */
function beginsNumber(code: number): boolean {
  return isDigit(code) || isSign(code) || isDash(code);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isDash(code: number): boolean {
  return code === 0x2d || code === 0x2013 || code === 0x2014 || code === 0x2212;
}

/** A currency sign or an opening parenthesis. */
function isSign(code: number): boolean {
  return code === 0x24 || code === 0x20ac || code === 0xa3 || code === 0xa5 || code === 0x28;
}

/** True for the letters and punctuation of Chinese and Japanese, which separate no words. */
function isIdeographic(code: number): boolean {
  return (code >= 0x2e80 && code <= 0x9fff) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xff00 && code <= 0xff9f);
}

function isRightToLeft(code: number): boolean {
  return code >= 0x590 && (code <= 0x8ff || (code >= 0xfb1d && code <= 0xfdff) || (code >= 0xfe70 && code <= 0xfefc));
}

/** Symbol fonts keep their bullets in the private use area. */
function shownCode(code: number): number {
  return code === 0xf0b7 || code === 0xf0a7 ? 0x2022 : code;
}

/** True for characters that need a closer look: soft hyphens, right-to-left, private use, and beyond 16 bits. */
function isOdd(code: number): boolean {
  return code >= 0x590 ? code <= 0x8ff || code >= 0xd800 : code === 0xad;
}
