import type { ChunkStrategy } from '@millrace/contracts';
import { countTokens, type TokenCounter } from './tokens';
import { boundary, type Word } from './words';

/** Words that make a chunk: `words[from..to]` inclusive, of which those before `fresh` repeat the chunk before. */
export interface Range {
  from: number;
  fresh: number;
  to: number;
  tokens: number;
}

export interface PackerOptions {
  strategy: ChunkStrategy;
  maxTokens: number;
  overlapTokens: number;
}

/** What is kept whole where it fits into a chunk, from the largest down; a heading is part of what it heads. */
const units = [boundary.paragraph, boundary.introduction, boundary.item, boundary.sentence] as const;

/** The last place within the limit that a chunk may end at. */
interface Reach {
  to: number;
  /** True when the chunk must end there, or nothing follows. */
  complete: boolean;
}

/** Decides which words make a chunk. All token counts are exact, or corrected before they are used. */
export class Packer {
  constructor(
    private readonly tokens: TokenCounter,
    private readonly options: PackerOptions,
  ) {}

  /**
   * The next chunk, or null when `words` does not reach far enough to tell where it ends.
   * @param from First repeated word; `fresh` is the first new one.
   * @param final True when no more words will follow.
   */
  next(words: readonly Word[], from: number, fresh: number, final: boolean): Range | null {
    const reach = this.reach(words, from, fresh, final);
    if (reach === null) {
      return null;
    }
    if (reach.to < fresh) {
      return from < fresh ? this.next(words, fresh, fresh, final) : this.range(words, from, fresh, fresh);
    }
    if (reach.complete) {
      return this.range(words, from, fresh, reach.to);
    }
    if (this.options.strategy !== 'fixed') {
      for (const unit of units) {
        const end = lastEnd(words, fresh, reach.to, unit);
        const start = end === null ? fresh : end + 1;
        const tokens = this.unitTokens(words, start, unit, final);
        if (tokens === null) {
          return null;
        }
        if (tokens <= this.options.maxTokens && end !== null) {
          return this.range(words, from, fresh, end);
        }
        if (tokens <= this.options.maxTokens && from < fresh) {
          // It fits without so much overlap.
          const left = this.options.maxTokens - tokens;
          return this.next(words, this.repeatFrom(words, from + 1, fresh, left), fresh, final);
        }
      }
      const inText = lastEnd(words, fresh, reach.to, boundary.word);
      if (inText !== null) {
        return this.range(words, from, fresh, inText);
      }
    }
    return this.range(words, from, fresh, lastSpace(words, fresh, reach.to) ?? reach.to);
  }

  /** Where the chunk after `range` starts to repeat it: at a sentence if one ends there, else at a word. */
  overlapStart(words: readonly Word[], range: Range): number {
    const after = range.to + 1;
    return words[after]?.boundary === boundary.stop
      ? after
      : this.repeatFrom(words, range.from + 1, after, this.options.overlapTokens);
  }

  /** The first word, from `first` on, of those that can be repeated before `after` with at most `limit` tokens. */
  private repeatFrom(words: readonly Word[], first: number, after: number, limit: number): number {
    let sum = 0;
    let atSentence = after;
    let atWord = after;
    let anywhere = after;
    // The word is costed as it will stand in the next chunk: followed by that chunk's first new word.
    for (let index = after - 1; index >= first; index--) {
      const word = words[index];
      const inner = this.inner(words, index);
      // As the first word it costs a token more or less: only near the limit that is counted.
      const isNear = sum + inner > limit - near;
      if (word === undefined || (isNear && sum + this.cost(words, index, true, false) > limit)) {
        break;
      }
      sum += inner;
      anywhere = index;
      if (word.boundary >= boundary.word) {
        atWord = index;
      }
      if (word.boundary >= boundary.sentence) {
        atSentence = index;
      }
    }
    if (atSentence < after && this.options.strategy !== 'fixed') {
      return atSentence;
    }
    return atWord < after ? atWord : anywhere;
  }

  /** How far the limit reaches; null when more words are needed to know. */
  private reach(words: readonly Word[], from: number, fresh: number, final: boolean): Reach | null {
    const { maxTokens } = this.options;
    let sum = 0;
    for (let index = from; index < words.length; index++) {
      const inner = index === from ? this.cost(words, index, true, false) : this.inner(words, index);
      // Line breaks at its end cost a word a token or two: near the limit it is counted without them.
      if (index >= fresh && sum + inner > maxTokens - near && this.ending(words, from, index, sum) > maxTokens) {
        return { to: index - 1, complete: false };
      }
      if (index >= fresh && words[index + 1]?.boundary === boundary.stop) {
        return { to: index, complete: true };
      }
      sum += inner;
    }
    return final ? { to: words.length - 1, complete: true } : null;
  }

  /** Tokens of the words from `start` to the next boundary of this level, or more than maxTokens; null when unknown. */
  private unitTokens(words: readonly Word[], start: number, level: number, final: boolean): number | null {
    let sum = 0;
    for (let index = start; index < words.length; index++) {
      const isLast = endsUnit(words, index, level);
      sum += index > start && !isLast ? this.inner(words, index) : this.cost(words, index, index === start, isLast);
      if (isLast || sum > this.options.maxTokens) {
        return sum;
      }
    }
    return final ? sum : null;
  }

  /**
   * The chunk of these words, its tokens counted as a whole where the sum of its words may be wrong: between pieces
   * without a space the tokenizer may merge otherwise. Gives up words at the end, then the overlap, until it fits.
   */
  private range(words: readonly Word[], from: number, fresh: number, to: number): Range {
    const glued = words.slice(from + 1, to + 1).some((word) => word.before === '');
    const range = { from, fresh, to, tokens: glued ? 0 : this.sum(words, from, to) };
    for (;;) {
      if (glued || range.tokens > this.options.maxTokens) {
        range.tokens = countTokens(textOf(words.slice(range.from, range.to + 1)));
      }
      if (range.tokens <= this.options.maxTokens || (range.to === fresh && range.from === fresh)) {
        return range;
      }
      if (range.to > fresh) {
        range.to--;
      } else {
        range.from = fresh;
      }
    }
  }

  private sum(words: readonly Word[], from: number, to: number): number {
    let sum = 0;
    for (let index = from; index < to; index++) {
      sum += index === from ? this.cost(words, index, true, false) : this.inner(words, index);
    }
    return this.ending(words, from, to, sum);
  }

  /** Tokens of the text from `from` to `index`, when `sum` are those of the words before `index`. */
  private ending(words: readonly Word[], from: number, index: number, sum: number): number {
    return sum + this.cost(words, index, index === from, true);
  }

  private inner(words: readonly Word[], index: number): number {
    const word = words[index];
    if (word === undefined) {
      return 0;
    }
    if (word.innerTokens < 0 && index + 1 < words.length) {
      word.innerTokens = this.cost(words, index, false, false);
    }
    return word.innerTokens < 0 ? this.cost(words, index, false, false) : word.innerTokens;
  }

  /** Tokens of one word as the first, the last or an inner one of a text: cut before spaces and after line breaks. */
  private cost(words: readonly Word[], index: number, first: boolean, last: boolean): number {
    const word = words[index];
    if (word === undefined) {
      return 0;
    }
    const lead = !first && (word.before === ' ' || word.before === '\t') ? word.before : '';
    const next = last ? '' : (words[index + 1]?.before ?? '');
    const trail = next === '\n' || next === '\n\n' ? next : '';
    return this.tokens.count(word.text, lead, trail);
  }
}

/** More tokens than the white space around a word ever takes. */
const near = 8;

/** The last word from `fresh` to `to` that ends a unit of this level, but none of a heading; null when there is none. */
function lastEnd(words: readonly Word[], fresh: number, to: number, level: number): number | null {
  for (let index = to; index >= fresh; index--) {
    if (endsUnit(words, index, level)) {
      return index;
    }
  }
  return null;
}

/** True when a unit of this level ends with the word: never with a heading, unless nothing may follow it. */
function endsUnit(words: readonly Word[], index: number, level: number): boolean {
  const next = words[index + 1]?.boundary ?? 0;
  return next === boundary.stop || (next >= level && words[index]?.block.heading === false);
}

/** The last word that a space follows, whatever it is part of; null when there is none. */
function lastSpace(words: readonly Word[], fresh: number, to: number): number | null {
  for (let index = to; index >= fresh; index--) {
    if ((words[index + 1]?.boundary ?? 0) > boundary.glued) {
      return index;
    }
  }
  return null;
}

/** The words as one text. */
export function textOf(words: readonly Word[]): string {
  let text = '';
  for (const [index, word] of words.entries()) {
    text += index === 0 ? word.text : word.before + word.text;
  }
  return text;
}
