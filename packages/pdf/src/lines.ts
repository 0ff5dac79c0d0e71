import { cleanText } from '@millrace/contracts';
import { kind, type PageCharacters } from './characters';
import type { Direction } from './geometry';
import { joinHyphens } from './hyphens';
import type { TextLine } from './types';

/** Gaps, in font sizes: beyond this two words stand in different cells of a row. */
const CELL_GAP = 1.5;
/** The engine saw no space, but this gap is one. */
const WORD_GAP = 0.5;
/** The engine saw a line break where there is none (a superscript): this gap is a space. */
const BROKEN_WORD_GAP = 0.15;
/** Characters this close follow each other. */
const NEAR_GAP = 1;
const NEAR_OVERLAP = -0.6;

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

/** Puts characters together to lines, in the order in which they were drawn. */
class LineBuilder {
  readonly lines: DraftLine[] = [];
  private line: DraftLine | null = null;
  private text = '';
  private characters = 0;
  private boldCharacters = 0;
  private votes = 0;
  private lastA0 = 0;
  private lastA1 = 0;

  constructor(private readonly source: PageCharacters) {}

  build(): DraftLine[] {
    const { source } = this;
    let pending: number = kind.glyph;
    for (let index = 0; index < source.count; index++) {
      const what = source.kind[index];
      if (what === kind.space) {
        pending = kind.space;
      } else if (what === kind.lineBreak) {
        pending = pending === kind.space ? pending : kind.lineBreak;
      } else {
        this.add(index, pending);
        pending = kind.glyph;
      }
    }
    this.finish();
    return this.lines;
  }

  private add(index: number, pending: number): void {
    const { source } = this;
    if (this.line === null || !this.continues(this.line, index)) {
      this.finish();
      this.line = startLine(source, index);
    } else {
      this.text += this.separator(this.line, index, pending);
    }
    const line = this.line;
    const code = source.code[index] ?? 0;
    const size = source.size[index] ?? 0;
    line.splitsWord = source.kind[index] === kind.lineEndHyphen || code === 0xad;
    this.text += line.splitsWord ? '-' : characterOf(code);
    this.characters++;
    this.boldCharacters += source.bold[index] ?? 0;
    this.vote(line, size);
    line.rightToLeft ||= isRightToLeft(code);
    const a0 = source.a0[index] ?? 0;
    const a1 = source.a1[index] ?? 0;
    line.a0 = Math.min(line.a0, a0);
    line.a1 = Math.max(line.a1, a1);
    line.c0 = Math.min(line.c0, source.c0[index] ?? 0);
    line.c1 = Math.max(line.c1, source.c1[index] ?? 0);
    if (size > line.mainSize * 1.1) {
      line.mainSize = size;
      line.base = source.base[index] ?? 0;
    }
    this.lastA0 = a0;
    this.lastA1 = a1;
  }

  /** True when the character stands on `line`: next to its end, or further along on the same base line. */
  private continues(line: DraftLine, index: number): boolean {
    const { source } = this;
    if (source.direction[index] !== line.direction) {
      return false;
    }
    const size = source.size[index] ?? 0;
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

  private separator(line: DraftLine, index: number, pending: number): string {
    const { source } = this;
    const gap = line.rightToLeft
      ? Math.max(this.lastA0 - (source.a1[index] ?? 0), (source.a0[index] ?? 0) - this.lastA1)
      : (source.a0[index] ?? 0) - this.lastA1;
    const relative = gap / line.mainSize;
    if (relative > CELL_GAP) {
      return endsInLoneSign(this.text) ? ' ' : '\t';
    }
    if (pending === kind.space) {
      return ' ';
    }
    return relative > (pending === kind.lineBreak ? BROKEN_WORD_GAP : WORD_GAP) ? ' ' : '';
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
      line.text = this.text;
      line.bold = this.boldCharacters * 2 > this.characters;
      const before = this.lines.at(-1);
      if (before === undefined || !mergeRow(before, line)) {
        this.lines.push(line);
      }
    }
    this.line = null;
    this.text = '';
    this.characters = 0;
    this.boldCharacters = 0;
    this.votes = 0;
  }
}

function startLine(source: PageCharacters, index: number): DraftLine {
  const size = source.size[index] ?? 0;
  return {
    text: '',
    direction: (source.direction[index] ?? 0) as Direction,
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
function endsInLoneSign(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  const before = text.charCodeAt(text.length - 2);
  const isSign = last === 0x24 || last === 0x20ac || last === 0xa3 || last === 0xa5 || last === 0x28;
  return isSign && (text.length === 1 || before === 0x20 || before === 0x09);
}

function isRightToLeft(code: number): boolean {
  return code >= 0x590 && (code <= 0x8ff || (code >= 0xfb1d && code <= 0xfdff) || (code >= 0xfe70 && code <= 0xfefc));
}

function characterOf(code: number): string {
  // Symbol fonts keep their bullets in the private use area.
  if (code === 0xf0b7 || code === 0xf0a7) {
    return '•';
  }
  return code > 0xffff ? String.fromCodePoint(code) : String.fromCharCode(code);
}

/**
 * The lines of a page.
 * @param width Width and `height` of the shown page in points.
 */
export function buildLines(characters: PageCharacters, width: number, height: number): TextLine[] {
  const drafts = new LineBuilder(characters).build();
  joinHyphens(drafts);
  const lines: TextLine[] = [];
  for (const draft of drafts) {
    const text = cleanText(draft.text).trim();
    if (text !== '') {
      lines.push({
        text,
        ...boxOf(draft, width, height),
        fontSize: Math.round(draft.size * 100) / 100,
        bold: draft.bold,
      });
    }
  }
  return lines;
}

/** Undoes the turn into the direction of the text, and clamps what sticks out of the page. */
function boxOf(line: DraftLine, width: number, height: number) {
  const { a0, a1, c0, c1 } = line;
  switch (line.direction) {
    case 0:
      return fractions(a0, c0, a1, c1, width, height);
    case 1:
      return fractions(-c1, a0, -c0, a1, width, height);
    case 2:
      return fractions(-a1, -c1, -a0, -c0, width, height);
    case 3:
      return fractions(c0, -a1, c1, -a0, width, height);
  }
}

function fractions(x0: number, y0: number, x1: number, y1: number, width: number, height: number) {
  return { x0: fraction(x0, width), y0: fraction(y0, height), x1: fraction(x1, width), y1: fraction(y1, height) };
}

/** Four decimals: a twentieth of a point on a letter page. */
function fraction(value: number, whole: number): number {
  return Math.round(Math.min(1, Math.max(0, value / whole)) * 10_000) / 10_000;
}
