import type { ChunkStrategy } from '@millrace/contracts';
import type { Block } from '../structure/block';
import type { ChunkLine } from '../types';
import { boundary } from './boundary';
import type { TokenCounter } from './tokens';
import type { Separator, Word } from './word';

/** A longer run of characters without white space is cut, in characters. */
const maxRun = 64;
/** The length of its pieces, in code points. */
const pieceLength = 32;

/** Letters and punctuation of scripts that put no spaces between words. */
const spaceless = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}。、，！？；：「」『』（）]/u;
const spacelessSentenceEnd = /[。！？]["”’」』）)]*$/u;
const sentenceEnd = /[.!?…]["”’)\]]*$/u;
const abbreviation =
  /^["“(]*(?:\p{L}|(?:\p{L}\.)+\p{L}?|mr|mrs|ms|dr|prof|st|inc|corp|co|ltd|llc|no|nos|vs|etc|e\.g|i\.e|fig|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|approx|dept|est|vol|pp?)\.["”)]*$/iu;
const sentenceStart = /^["“‘(•\p{Lu}\p{N}\p{Lo}]/u;

/** Splits blocks into words and finds the boundaries between them. Blocks come in order. */
export class WordSplitter {
  private last: Word | null = null;
  /** True when the current section has text besides headings. */
  private hasText = false;

  /** @param maxWordTokens A word with more tokens is cut. */
  constructor(
    private readonly tokens: TokenCounter,
    private readonly strategy: ChunkStrategy,
    private readonly maxWordTokens: number,
  ) {}

  split(block: Block): Word[] {
    const isForced = this.isForcedBefore(block);
    const words: Word[] = [];
    for (const line of block.lines) {
      let isFirstOfLine = true;
      let end = 0;
      for (const { 0: text, index } of line.text.matchAll(/\S+/gu)) {
        const isFirstOfBlock = words.length === 0;
        const space = line.text.slice(end, index);
        const kept = block.isTable && space !== ' ' ? keptSpace(space, isFirstOfLine, line) : '';
        const isTab = line.preformatted === true ? space.startsWith('\t') : space.includes('\t');
        let separator: Separator = isTab ? '\t' : ' ';
        if (isFirstOfBlock && !block.continues) {
          separator = this.last === null ? '' : '\n\n';
        } else if (isFirstOfLine) {
          separator = this.lineSeparator(block, text);
        }
        let level: number;
        if (isFirstOfBlock && (!block.continues || isForced)) {
          level = this.blockBoundary(block, isForced);
        } else if (block.isTable) {
          level = isFirstOfLine ? boundary.sentence : boundary.word;
        } else {
          level = this.textBoundary(separator, text);
        }
        this.push(words, { text, separator, boundary: level, line, block, innerTokens: -1 }, kept);
        isFirstOfLine = false;
        end = index + text.length;
      }
    }
    this.hasText = !block.isHeading || (this.hasText && !isForced);
    return words;
  }

  /** What joins a line that begins with `text` to the line before it in its block. */
  private lineSeparator(block: Block, text: string): Separator {
    if (block.isTable) {
      return '\n';
    }
    const before = [...(this.last?.text.slice(-2) ?? '')].at(-1) ?? '';
    return spaceless.test(before) && spaceless.test([...text.slice(0, 2)][0] ?? '') ? '' : ' ';
  }

  /** The boundary between two words of flowing text. */
  private textBoundary(separator: Separator, text: string): number {
    const lastText = this.last?.text ?? '';
    if (separator !== '' && endsPlainly(lastText)) {
      return boundary.word;
    }
    if (spacelessSentenceEnd.test(lastText)) {
      return boundary.sentence;
    }
    if (separator === '') {
      return boundary.glued;
    }
    const endsSentence = sentenceEnd.test(lastText) && sentenceStart.test(text) && !abbreviation.test(lastText);
    return endsSentence ? boundary.sentence : boundary.word;
  }

  private blockBoundary(block: Block, isForced: boolean): number {
    const before = this.last?.block;
    if (before === undefined || isForced) {
      return boundary.forced;
    }
    if (before.isHeading) {
      return boundary.heading;
    }
    if (before.introduces) {
      return boundary.introduction;
    }
    return before.isItem && block.isItem ? boundary.item : boundary.paragraph;
  }

  /** Headings in a row stay with the text after the last of them, and so in its section. */
  private isForcedBefore(block: Block): boolean {
    switch (this.strategy) {
      case 'structure':
        return block.startsSection && this.hasText;
      case 'page':
        return block.page !== this.last?.block.page;
      case 'fixed':
        return false;
    }
  }

  /** Adds the word to `words`, in pieces when it is too long. `space` becomes its beginning, unless it takes many tokens. */
  private push(words: Word[], word: Word, space: string): void {
    const [first = word.text, ...others] = this.piecesOf(word.text);
    const fits = space !== '' && this.tokens.count(space + first) <= 2 * this.maxWordTokens;
    let last = others.length === 0 && !fits ? word : { ...word, text: fits ? space + first : first };
    words.push(last);
    for (const text of others) {
      const level = spacelessSentenceEnd.test(last.text) ? boundary.sentence : boundary.glued;
      last = { ...word, text, separator: '', boundary: level };
      words.push(last);
    }
    this.last = last;
  }

  /** Cuts a run that is too long to be moved as a whole: after each full stop of Chinese or Japanese, and after 32 characters. */
  private piecesOf(text: string): string[] {
    const { maxWordTokens } = this;
    if (text.length <= maxRun && (text.length * 3 <= maxWordTokens || this.tokens.count(text) <= maxWordTokens)) {
      return [text];
    }
    const pieces: string[] = [];
    for (const sentence of text.match(/[^。！？]*[。！？]+["”’」』）)]*|[^。！？]+/gu) ?? [text]) {
      const codePoints = [...sentence];
      for (let at = 0; at < codePoints.length; at += pieceLength) {
        this.addHalves(codePoints.slice(at, at + pieceLength), pieces);
      }
    }
    return pieces;
  }

  /** Adds the text to `pieces`, halved until each piece has few enough tokens. */
  private addHalves(codePoints: string[], pieces: string[]): void {
    const text = codePoints.join('');
    if (codePoints.length === 1 || this.tokens.count(text) <= this.maxWordTokens) {
      pieces.push(text);
      return;
    }
    const middle = codePoints.length >> 1;
    this.addHalves(codePoints.slice(0, middle), pieces);
    this.addHalves(codePoints.slice(middle), pieces);
  }
}

/** True when a text ends in a Latin letter, a digit or a comma, and so ends no sentence. Most words do. */
function endsPlainly(text: string): boolean {
  const unit = text.charCodeAt(text.length - 1);
  return (
    (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || unit === 0x2c
  );
}

/**
 * The white space before a word that is kept besides the word's separator: all of it in preformatted text, the tabs of
 * empty cells in a row of a table.
 */
function keptSpace(space: string, isFirstOfLine: boolean, line: ChunkLine): string {
  const kept = line.preformatted === true ? space : space.replace(/[^\t]+/gu, '');
  return isFirstOfLine ? kept : kept.slice(1);
}
