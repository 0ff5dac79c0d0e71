import { maxCopyShift } from '../clean/copies';
import { isRightToLeft, isSpecial, shownCode } from '../codePoints';
import { kind, type PageCharacters, type Run } from '../pageCharacters';
import { type DraftLine, gutterGap, startLine } from './draftLine';
import { LastCharacter, minNearGap } from './lastCharacter';
import { mergeRow } from './mergeRow';
import { readFromRight } from './readFromRight';
import { ideographicGap, separatorIn, space, wordGap } from './separator';
import { SizeVote, styleOf } from './sizeVote';
import { maxSpaceShare, minLetterGap, minSpacedLetters, type Spacing, spacingOf } from './spacing';
import { TextBuffer } from './textBuffer';

/** A character that is larger by this factor gives the line its main size and baseline. */
const largerBy = 1.1;

const hyphen = 0x2d;
const softHyphen = 0xad;

/** Shared by all pages: lines are built one page at a time, without interruption. */
const lineText = new TextBuffer();

/**
 * Builds lines from characters, in the order in which they were drawn. The loop runs once for each character, so it avoids
 * allocations: numbers are kept in fields, and the usual case has a short way of its own (`addNext`).
 */
export class LineBuilder {
  readonly lines: DraftLine[] = [];
  /** True when some character lies over the one before it and is the same. */
  hasCopies = false;
  private line: DraftLine | null = null;
  private readonly text = lineText;
  private characters = 0;
  private boldCharacters = 0;
  private readonly sizes = new SizeVote();
  /** Between letters of one word: how many gaps there are, and their sum in font sizes. Then, how many spaces there are. */
  private gaps = 0;
  private gapSum = 0;
  private spaces = 0;
  /** What the gaps of the line are made of when its letters are spaced out. */
  private spacing: Spacing | null = null;
  private readonly last: LastCharacter;
  /** The first character of the open cell, and its place in the text. */
  private cellFirst = 0;
  private cellFrom = 0;

  /** @param isPageFromRight Whether most text of the page runs from right to left. */
  constructor(
    private readonly source: PageCharacters,
    private readonly isPageFromRight: boolean,
  ) {
    this.text.clear();
    this.last = new LastCharacter(source);
  }

  build(): DraftLine[] {
    const { source } = this;
    const { count, kind: kinds } = source;
    // What the engine reports between the last glyph and the next.
    let reported: number = kind.glyph;
    for (let index = 0; index < count; index++) {
      const entry = kinds[index];
      if (entry === kind.space) {
        reported = kind.space;
      } else if (entry === kind.inferredSpace || entry === kind.lineBreak) {
        reported = reported === kind.glyph || reported === kind.lineBreak ? (entry as number) : reported;
      } else {
        const isPlain = entry === kind.glyph && reported !== kind.lineBreak;
        if (!isPlain || !this.addNext(index, reported !== kind.glyph)) {
          this.add(index, reported);
        }
        reported = kind.glyph;
      }
    }
    this.finishLine(count);
    return this.lines;
  }

  /**
   * Adds the character at `index` if it is what nearly all characters are: the next one of the same text object, right after the
   * last one on the same baseline. The result is the same as that of `add`.
   * @returns false, with nothing changed, for any other character.
   */
  private addNext(index: number, isAfterSpace: boolean): boolean {
    const { source, line } = this;
    const code = source.code[index] as number;
    if (
      line === null ||
      source.run[index] !== this.last.run ||
      source.baseline[index] !== this.last.baseline ||
      isSpecial(code)
    ) {
      return false;
    }
    const left = source.left[index] as number;
    const gap = (left - this.last.right) / line.mainSize;
    if (
      !(gap > minNearGap && gap <= (isAfterSpace ? ideographicGap : wordGap)) ||
      left - this.last.left < maxCopyShift * line.mainSize
    ) {
      return false;
    }
    if (isAfterSpace) {
      this.text.add(space);
      this.spaces++;
    } else {
      this.gaps++;
      this.gapSum += gap;
    }
    this.text.add(code);
    line.splitsWord = false;
    const { size, bold } = source.runs[this.last.run] as Run;
    this.characters++;
    this.boldCharacters += bold ? 1 : 0;
    this.sizes.add(size);
    this.extend(line, index);
    return true;
  }

  /** Adds the character at `index` to its line, or begins a line with it. */
  private add(index: number, reported: number): void {
    if (this.line === null || !this.last.continues(this.line, index)) {
      this.finishLine(index);
      this.startLine(index);
    } else {
      this.addSeparator(this.line, index, reported);
    }
    this.addCharacter(this.line as DraftLine, index);
  }

  private addCharacter(line: DraftLine, index: number): void {
    const { source } = this;
    const runIndex = source.run[index] as number;
    const { size, bold } = source.runs[runIndex] as Run;
    const code = source.code[index] as number;
    line.splitsWord = source.kind[index] === kind.lineEndHyphen || code === softHyphen;
    this.text.add(line.splitsWord ? hyphen : shownCode(code));
    this.characters++;
    this.boldCharacters += bold ? 1 : 0;
    this.sizes.add(size);
    line.rightToLeft ||= isRightToLeft(code);
    this.extend(line, index);
    if (size > line.mainSize * largerBy) {
      line.mainSize = size;
      line.baseline = source.baseline[index] as number;
    }
    this.last.run = runIndex;
    this.last.baseline = source.baseline[index] as number;
  }

  /** Adds what belongs between the last character and the one at `index`, and ends the cell at a wide gap. */
  private addSeparator(line: DraftLine, index: number, reported: number): void {
    const left = this.source.left[index] as number;
    const gap = (left - this.last.right) / line.mainSize;
    const code = this.source.code[index] as number;
    this.hasCopies ||=
      this.text.at(this.text.length - 1) === code &&
      left - this.last.left < maxCopyShift * line.mainSize &&
      !this.last.isLigature(index);
    const width = this.spacing === null ? gap : gap - this.spacing.letterGap;
    const hidesSpace = reported === kind.inferredSpace ? this.spacing !== null : this.spacing?.hasDrawnSpaces === true;
    const separator = separatorIn(this.text, { width, code, reported: hidesSpace ? kind.glyph : reported });
    if (separator === 0) {
      this.gaps++;
      this.gapSum += gap;
    } else {
      this.spaces++;
    }
    const endsCell = width > gutterGap;
    if (endsCell) {
      this.endCell(line, index);
    }
    if (separator !== 0) {
      this.text.add(separator);
    }
    if (endsCell) {
      this.startCell(index);
    }
  }

  private extend(line: DraftLine, index: number): void {
    const { source } = this;
    const left = source.left[index] as number;
    const right = source.right[index] as number;
    const top = source.top[index] as number;
    const bottom = source.bottom[index] as number;
    line.left = Math.min(left, line.left);
    line.right = Math.max(right, line.right);
    line.top = Math.min(top, line.top);
    line.bottom = Math.max(bottom, line.bottom);
    this.last.left = left;
    this.last.right = line.rightToLeft ? Math.max(right, this.last.right) : right;
  }

  private startLine(index: number): void {
    this.line = startLine(this.source, index);
    this.text.clear();
    this.characters = 0;
    this.boldCharacters = 0;
    this.sizes.clear();
    this.gaps = 0;
    this.gapSum = 0;
    this.spaces = 0;
    this.last.right = Number.NEGATIVE_INFINITY;
    this.startCell(index);
  }

  private startCell(index: number): void {
    this.cellFirst = index;
    this.cellFrom = this.text.length;
  }

  /** @param end The index after the cell's last character. */
  private endCell(line: DraftLine, end: number): void {
    const { source, cellFirst, last, text } = this;
    line.cells.push({
      from: this.cellFrom,
      to: text.length,
      left: Math.min(source.left[cellFirst] as number, last.left),
      right: Math.max(source.right[cellFirst] as number, last.right),
      ...styleOf(source, cellFirst, end),
    });
  }

  /** @param end The index after the line's last entry. */
  private finishLine(end: number): void {
    const { line } = this;
    if (line === null) {
      return;
    }
    this.spaceOut(line.from, end);
    const finished = this.line ?? line;
    if (finished.cells.length > 0) {
      this.endCell(finished, end);
    }
    finished.to = end;
    finished.text = this.text.take();
    finished.size = this.sizes.winner;
    finished.bold = this.boldCharacters * 2 > this.characters;
    // In turned text the engine finds no ends of lines.
    finished.splitsWord ||= (finished.direction !== 0 || finished.skew !== 0) && /\p{Ll}-$/u.test(finished.text);
    if (this.isPageFromRight || finished.rightToLeft) {
      readFromRight(finished, this.isPageFromRight);
    }
    const before = this.lines.at(-1);
    if (before === undefined || !mergeRow(before, finished)) {
      this.lines.push(finished);
    }
    this.line = null;
  }

  /** Builds the line of these entries again if its letters are spaced out. */
  private spaceOut(from: number, end: number): void {
    if (this.characters < minSpacedLetters) {
      return;
    }
    const maySpaceOut = this.spaces > maxSpaceShare * this.characters || this.gapSum > minLetterGap * this.gaps;
    const spacing = maySpaceOut ? spacingOf(this.source, from, end) : null;
    if (spacing === null) {
      return;
    }
    this.spacing = spacing;
    this.startLine(from);
    let reported: number = kind.glyph;
    for (let index = from; index < end; index++) {
      if (!this.source.isGlyph(index)) {
        const entry = this.source.kind[index] as number;
        reported = reported === kind.space ? reported : entry;
      } else {
        if (index !== from) {
          this.addSeparator(this.line as DraftLine, index, reported);
        }
        this.addCharacter(this.line as DraftLine, index);
        reported = kind.glyph;
      }
    }
    this.spacing = null;
  }
}
