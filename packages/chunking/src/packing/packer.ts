import type { ChunkStrategy } from '@millrace/contracts';
import { boundary, endsUnit, lastUnitEnd, lastWordEnd } from './boundary';
import { countTokens, type TokenCounter } from './tokens';
import { textOf, type Word } from './word';
import { spaceTokens, WordCosts } from './wordCosts';

export interface PackerOptions {
  strategy: ChunkStrategy;
  maxTokens: number;
  overlapTokens: number;
}

/** The words of one chunk. */
export interface PackedChunk {
  words: Word[];
  /** How many of the first words repeat the end of the chunk before. */
  repeated: number;
  /** The tokens of the text of all words. */
  tokens: number;
}

/** A chunk as indices of words: the overlap begins at `start`, and `end` is the last word. */
interface Range {
  start: number;
  end: number;
  tokens: number;
}

/** The units that a chunk keeps whole when they fit, the largest first. A heading is part of the unit after it. */
const units = [boundary.paragraph, boundary.introduction, boundary.item, boundary.sentence] as const;

/**
 * Packs words into chunks. A chunk ends at the best boundary before the limit: it never splits a unit that would fit into the
 * next chunk as a whole. Token counts are exact.
 */
export class Packer {
  private words: Word[] = [];
  /** The first word that no chunk has yet. The words before it are the overlap of the next chunk. */
  private fresh = 0;
  private readonly costs: WordCosts;

  constructor(
    tokens: TokenCounter,
    private readonly options: PackerOptions,
  ) {
    this.costs = new WordCosts(tokens);
  }

  /** Adds the next words. */
  add(words: readonly Word[]): void {
    for (const word of words) {
      this.words.push(word);
    }
  }

  /**
   * Returns the chunks that no later word can change, and forgets their words.
   * @param isFinal True when no more words follow: then all words are taken, and the next chunk has no overlap.
   */
  take(isFinal: boolean): PackedChunk[] {
    const chunks: PackedChunk[] = [];
    let start = 0;
    while (this.fresh < this.words.length) {
      const range = this.nextRange(start, isFinal);
      if (range === null) {
        break;
      }
      const words = this.words.slice(range.start, range.end + 1);
      chunks.push({ words, repeated: this.fresh - range.start, tokens: range.tokens });
      this.fresh = range.end + 1;
      start = this.fresh < this.words.length ? this.overlapAfter(range) : this.fresh;
    }
    this.words = this.words.slice(start);
    this.fresh -= start;
    return chunks;
  }

  /** The next chunk, with the overlap from `start` on. Null when more words are needed to know where it ends. */
  private nextRange(start: number, isFinal: boolean): Range | null {
    const { words, fresh } = this;
    const { maxTokens, strategy } = this.options;
    const limit = this.findLimit(start, isFinal);
    if (limit === null) {
      return null;
    }
    if (limit.end < fresh) {
      // The first new word does not fit beside the overlap.
      return start < fresh ? this.nextRange(fresh, isFinal) : this.exactRange(start, fresh);
    }
    if (limit.isForced) {
      return this.exactRange(start, limit.end);
    }
    if (strategy === 'fixed') {
      return this.exactRange(start, lastWordEnd(words, fresh, limit.end) ?? limit.end);
    }
    for (const unit of units) {
      const end = lastUnitEnd(words, fresh, limit.end, unit);
      const nextUnit = this.unitTokens(end === null ? fresh : end + 1, unit, isFinal);
      if (nextUnit === null) {
        return null;
      }
      if (nextUnit <= maxTokens && end !== null) {
        return this.exactRange(start, end);
      }
      if (nextUnit <= maxTokens && start < fresh) {
        // The unit fits into this chunk when less is repeated before it.
        return this.nextRange(this.overlapStart(start + 1, fresh, maxTokens - nextUnit), isFinal);
      }
    }
    const end = lastUnitEnd(words, fresh, limit.end, boundary.word) ?? lastWordEnd(words, fresh, limit.end);
    return this.exactRange(start, end ?? limit.end);
  }

  /** The last word within the token limit. `isForced`: the chunk must end there. Null when more words are needed. */
  private findLimit(start: number, isFinal: boolean): { end: number; isForced: boolean } | null {
    const { words, fresh, costs } = this;
    const { maxTokens } = this.options;
    let sum = 0;
    for (let index = start; index < words.length; index++) {
      const cost = index === start ? costs.first(words, index) : costs.inner(words, index);
      // A word costs a token or two less without the line breaks after it. That matters only near the limit.
      const isNear = sum + cost > maxTokens - spaceTokens;
      if (index >= fresh && isNear && sum + costs.last(words, index, start) > maxTokens) {
        return { end: index - 1, isForced: false };
      }
      if (index >= fresh && words[index + 1]?.boundary === boundary.forced) {
        return { end: index, isForced: true };
      }
      sum += cost;
    }
    return isFinal ? { end: words.length - 1, isForced: true } : null;
  }

  /** The tokens of the unit that begins at `start`, or a number over the limit. Null when more words are needed. */
  private unitTokens(start: number, level: number, isFinal: boolean): number | null {
    const { words, costs } = this;
    let sum = 0;
    for (let index = start; index < words.length; index++) {
      if (endsUnit(words, index, level)) {
        return sum + costs.last(words, index, start);
      }
      sum += index === start ? costs.first(words, index) : costs.inner(words, index);
      if (sum > this.options.maxTokens) {
        return sum;
      }
    }
    return isFinal ? sum : null;
  }

  /** Where the overlap of the chunk after `range` begins. A forced boundary has no overlap. */
  private overlapAfter(range: Range): number {
    const after = range.end + 1;
    return this.words[after]?.boundary === boundary.forced
      ? after
      : this.overlapStart(range.start + 1, after, this.options.overlapTokens);
  }

  /**
   * Where an overlap of at most `maxTokens` tokens before the word `after` begins: at a sentence if possible, else at a
   * word, else inside a word. It begins at `first` or later.
   */
  private overlapStart(first: number, after: number, maxTokens: number): number {
    const { words, costs } = this;
    let sum = 0;
    let atSentence = after;
    let atWord = after;
    let anywhere = after;
    for (let index = after - 1; index >= first; index--) {
      const word = words[index];
      const inner = costs.inner(words, index);
      // The first word of the chunk costs a token more or less. That matters only near the limit.
      const isNear = sum + inner > maxTokens - spaceTokens;
      if (word === undefined || (isNear && sum + costs.first(words, index) > maxTokens)) {
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

  /**
   * The chunk from `start` to `end` with its exact token count. When words are glued together, the text is counted as a
   * whole. If it is over the limit, words at the end are left for the next chunk, then the overlap is dropped.
   */
  private exactRange(start: number, end: number): Range {
    const { words, fresh } = this;
    const { maxTokens } = this.options;
    const isGlued = words.slice(start + 1, end + 1).some((word) => word.separator === '');
    const range = { start, end, tokens: isGlued ? 0 : this.costs.text(words, start, end) };
    for (;;) {
      if (isGlued || range.tokens > maxTokens) {
        range.tokens = countTokens(textOf(words.slice(range.start, range.end + 1)));
      }
      if (range.tokens <= maxTokens || (range.end === fresh && range.start === fresh)) {
        return range;
      }
      if (range.end > fresh) {
        range.end--;
      } else {
        range.start = fresh;
      }
    }
  }
}
