import type { ChunkStrategy } from '@millrace/contracts';
import type { Block } from './blocks';
import type { TokenCounter } from './tokens';
import type { ChunkLine } from './types';

/** How good a place before a word is to end a chunk; higher is better. */
export const boundary = {
  /** Inside a run of characters without spaces that is too long for one piece. */
  glued: 0,
  /** Between a heading and its text: only when there is no other place at all. */
  heading: 1,
  word: 2,
  /** A sentence or a row of a table ends here. */
  sentence: 3,
  /** Between the points of a list. */
  item: 4,
  /** Between a line such as "as follows:" and what it introduces. */
  introduction: 5,
  paragraph: 6,
  /** No chunk goes beyond: a section begins, or a page where each has its own chunks. */
  stop: 7,
} as const;

/** A run of characters without white space (or a piece of one), and what stands before it. */
export interface Word {
  text: string;
  before: '' | ' ' | '\t' | '\n' | '\n\n';
  boundary: number;
  line: ChunkLine;
  block: Block;
  /** Tokens inside a text, with `before` and the next word's line breaks; -1 until it is known. */
  innerTokens: number;
}

const longRun = 64;
const pieceCodePoints = 32;

const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}。、，！？；：「」『』（）]/u;
const wideSentenceEnd = /[。！？]["”’」』）)]*$/u;
const sentenceEnd = /[.!?…]["”’)\]]*$/u;
const abbreviation =
  /^["“(]*(?:\p{L}|(?:\p{L}\.)+\p{L}?|mr|mrs|ms|dr|prof|st|inc|corp|co|ltd|llc|no|nos|vs|etc|e\.g|i\.e|fig|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|approx|dept|est|vol|pp?)\.["”)]*$/iu;
const sentenceStart = /^["“‘(•\p{Lu}\p{N}\p{Lo}]/u;

/** Turns blocks into words, in order. `limit` is the largest number of tokens one word may have. */
export class WordMaker {
  private last: Word | null = null;
  /** True when text, and not only headings, stands after the last stop. */
  private hasText = false;

  constructor(
    private readonly tokens: TokenCounter,
    private readonly strategy: ChunkStrategy,
    private readonly limit: number,
  ) {}

  /** Appends the words of `block` to `words`. */
  add(block: Block, words: Word[]): void {
    const stops = this.stopsBefore(block);
    let firstOfBlock = true;
    for (const line of block.lines) {
      let firstOfLine = true;
      let end = 0;
      for (const { 0: text, index } of line.text.matchAll(/\S+/gu)) {
        let before: Word['before'] = line.text.slice(end, index).includes('\t') ? '\t' : ' ';
        if (firstOfBlock && !block.continues) {
          before = this.last === null ? '' : '\n\n';
        } else if (firstOfLine) {
          before = this.lineJoin(block, text);
        }
        const level = this.boundaryBefore(block, text, before, firstOfBlock, firstOfLine);
        this.push(words, { text, before, boundary: level, line, block, innerTokens: -1 });
        firstOfBlock = false;
        firstOfLine = false;
        end = index + text.length;
      }
    }
    this.hasText = !block.heading || (this.hasText && !stops);
  }

  /** What joins a line to the one before it in its block. */
  private lineJoin(block: Block, text: string): Word['before'] {
    if (block.rows) {
      return '\n';
    }
    const before = [...(this.last?.text.slice(-2) ?? '')].at(-1) ?? '';
    return wide.test(before) && wide.test(text.slice(0, 2)) && wide.test([...text][0] ?? '') ? '' : ' ';
  }

  private boundaryBefore(
    block: Block,
    text: string,
    before: string,
    firstOfBlock: boolean,
    firstOfLine: boolean,
  ): number {
    const { last } = this;
    if (firstOfBlock && (!block.continues || this.stopsBefore(block))) {
      return this.blockBoundary(block);
    }
    if (block.rows) {
      return firstOfLine ? boundary.sentence : boundary.word;
    }
    const lastText = last?.text ?? '';
    if (wideSentenceEnd.test(lastText)) {
      return boundary.sentence;
    }
    if (before === '') {
      return boundary.glued;
    }
    const ends = sentenceEnd.test(lastText) && sentenceStart.test(text) && !abbreviation.test(lastText);
    return ends ? boundary.sentence : boundary.word;
  }

  private blockBoundary(block: Block): number {
    const before = this.last?.block;
    if (before === undefined || this.stopsBefore(block)) {
      return boundary.stop;
    }
    if (before.heading) {
      return boundary.heading;
    }
    if (before.introduces) {
      return boundary.introduction;
    }
    return before.item && block.item ? boundary.item : boundary.paragraph;
  }

  /** Headings in a row stay with the text that follows the last of them, and so in its section. */
  private stopsBefore(block: Block): boolean {
    switch (this.strategy) {
      case 'structure':
        return block.startsSection && this.hasText;
      case 'page':
        return block.page !== this.last?.block.page;
      case 'fixed':
        return false;
    }
  }

  private push(words: Word[], word: Word): void {
    const pieces = this.piecesOf(word.text);
    if (pieces.length === 1) {
      words.push(word);
      this.last = word;
      return;
    }
    let first = true;
    for (const text of pieces) {
      const level = wideSentenceEnd.test(this.last?.text ?? '') ? boundary.sentence : boundary.glued;
      const piece: Word = first ? { ...word, text } : { ...word, text, before: '', boundary: level };
      words.push(piece);
      this.last = piece;
      first = false;
    }
  }

  /** Cuts a run that is too long to be moved as a whole: at wide full stops, else after a fixed length. */
  private piecesOf(text: string): string[] {
    if (text.length <= longRun && (text.length * 3 <= this.limit || this.tokens.count(text) <= this.limit)) {
      return [text];
    }
    const pieces: string[] = [];
    for (const sentence of text.match(/[^。！？]*[。！？]+["”’」』）)]*|[^。！？]+/gu) ?? [text]) {
      const codePoints = [...sentence];
      for (let at = 0; at < codePoints.length; at += pieceCodePoints) {
        this.halve(codePoints.slice(at, at + pieceCodePoints), pieces);
      }
    }
    return pieces;
  }

  private halve(codePoints: string[], pieces: string[]): void {
    const text = codePoints.join('');
    if (codePoints.length === 1 || this.tokens.count(text) <= this.limit) {
      pieces.push(text);
      return;
    }
    const middle = codePoints.length >> 1;
    this.halve(codePoints.slice(0, middle), pieces);
    this.halve(codePoints.slice(middle), pieces);
  }
}
