import { countTokens, type TokenCounter } from './tokens';
import { boundary, type Word } from './words';

/** Chunks end at a section or paragraph rather than fill up, if they are at least this full. */
const SECTION_FILL = 0.5;
const PARAGRAPH_FILL = 0.25;

/** Words that make a chunk: `words[from..to]` inclusive, of which those before `fresh` repeat the chunk before. */
export interface Range {
  from: number;
  fresh: number;
  to: number;
  tokens: number;
}

export interface PackerLimits {
  maxTokens: number;
  overlapTokens: number;
}

/** Decides which words make a chunk. All token counts are exact, or corrected before they are used. */
export class Packer {
  constructor(
    private readonly tokens: TokenCounter,
    private readonly limits: PackerLimits,
  ) {}

  /**
   * The next chunk, or null when `words` does not reach far enough to tell where it ends.
   * @param from First repeated word; `fresh` is the first new one.
   * @param final True when no more words will follow.
   */
  next(words: readonly Word[], from: number, fresh: number, final: boolean): Range | null {
    const ends = this.possibleEnds(words, from, fresh, final);
    if (ends === null) {
      return null;
    }
    if (ends.length === 0 && from < fresh) {
      return this.next(words, fresh, fresh, final);
    }
    const chosen = this.bestEnd(words, ends) ?? { to: fresh, tokens: this.ending(words, from, fresh, 0) };
    return this.corrected(words, { from, fresh, ...chosen });
  }

  /** Where the chunk after `range` starts to repeat it: at a sentence if one ends there, else at a word. */
  overlapStart(words: readonly Word[], range: Range): number {
    const after = range.to + 1;
    let sum = 0;
    let atSentence = after;
    let atWord = after;
    let anywhere = after;
    // The word is costed as it will stand in the next chunk: followed by that chunk's first new word.
    for (let index = range.to; index > range.from; index--) {
      const word = words[index];
      if (word === undefined) {
        break;
      }
      const first = this.cost(words, index, true, false);
      if (sum + first > this.limits.overlapTokens) {
        break;
      }
      sum += this.inner(words, index);
      anywhere = index;
      if (word.boundary >= boundary.word) {
        atWord = index;
      }
      if (word.boundary >= boundary.introduction) {
        atSentence = index;
      }
    }
    if (atSentence < after) {
      return atSentence;
    }
    return atWord < after ? atWord : anywhere;
  }

  /** Every place the chunk may end at within the limit; null when more words are needed to know them all. */
  private possibleEnds(words: readonly Word[], from: number, fresh: number, final: boolean) {
    const { maxTokens } = this.limits;
    const ends: { to: number; tokens: number }[] = [];
    let sum = 0;
    for (let index = from; index < words.length; index++) {
      if (index >= fresh) {
        const tokens = this.ending(words, from, index, sum);
        if (tokens > maxTokens) {
          return ends;
        }
        ends.push({ to: index, tokens });
      }
      if (index + 1 < words.length) {
        sum += index === from ? this.cost(words, index, true, false) : this.inner(words, index);
      }
    }
    return final ? ends : null;
  }

  private bestEnd(words: readonly Word[], ends: readonly { to: number; tokens: number }[]) {
    const last = ends.at(-1);
    if (last === undefined || last.to === words.length - 1) {
      return last;
    }
    const { maxTokens } = this.limits;
    const fills = [
      [boundary.section, SECTION_FILL],
      [boundary.paragraph, PARAGRAPH_FILL],
      [boundary.sentence, PARAGRAPH_FILL],
      [boundary.introduction, PARAGRAPH_FILL],
      [boundary.word, PARAGRAPH_FILL],
    ] as const;
    for (const [level, fill] of fills) {
      const end = ends.findLast(({ to }) => (words[to + 1]?.boundary ?? 0) >= level);
      if (end !== undefined && end.tokens >= fill * maxTokens) {
        return end;
      }
    }
    return last;
  }

  /**
   * Counts the text where the sum of its words may be wrong: between pieces without a space the tokenizer may merge
   * otherwise. Gives up words at the end, then the overlap, until the text fits.
   */
  private corrected(words: readonly Word[], range: Range): Range {
    let { from, to } = range;
    const glued = words.slice(from + 1, to + 1).some((word) => word.before === '');
    if (!glued) {
      return range;
    }
    for (;;) {
      const tokens = countTokens(textOf(words.slice(from, to + 1)));
      if (tokens <= this.limits.maxTokens || (to === range.fresh && from === range.fresh)) {
        return { from, fresh: range.fresh, to, tokens };
      }
      if (to > range.fresh) {
        to--;
      } else {
        from = range.fresh;
      }
    }
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
    return this.tokens.count(lead + word.text + trail);
  }
}

/** The words as one text. */
export function textOf(words: readonly Word[]): string {
  let text = '';
  for (const [index, word] of words.entries()) {
    text += index === 0 ? word.text : word.before + word.text;
  }
  return text;
}
