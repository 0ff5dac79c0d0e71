import type { TokenCounter, Trail } from './tokens';
import type { Word } from './word';

/** More tokens than the white space around a word ever takes. */
export const spaceTokens = 8;

/**
 * Counts the tokens that a word takes in a text. `index` is its index in `words`. A space before a word and a line
 * break after it count as part of the word (see TokenCounter), so a word may cost something else at the start or the
 * end of a text. The costs of all words add up to the tokens of the text. Only where there is no white space between
 * words may the tokenizer merge them.
 */
export class WordCosts {
  constructor(private readonly tokens: TokenCounter) {}

  /** The cost between two other words. It is stored in the word once the next word is known. */
  inner(words: readonly Word[], index: number): number {
    const word = words[index];
    if (word === undefined) {
      return 0;
    }
    if (word.innerTokens >= 0) {
      return word.innerTokens;
    }
    const cost = this.tokens.count(word.text, leadOf(word), trailAfter(words, index));
    if (index + 1 < words.length) {
      word.innerTokens = cost;
    }
    return cost;
  }

  /** The cost as the first word of a text of several words. */
  first(words: readonly Word[], index: number): number {
    const word = words[index];
    return word === undefined ? 0 : this.tokens.count(word.text, '', trailAfter(words, index));
  }

  /** The cost as the last word of a text that begins at `start`. */
  last(words: readonly Word[], index: number, start: number): number {
    const word = words[index];
    return word === undefined ? 0 : this.tokens.count(word.text, index === start ? '' : leadOf(word));
  }

  /** The cost of the text from `words[start]` to `words[end]`, both included. */
  text(words: readonly Word[], start: number, end: number): number {
    let sum = 0;
    for (let index = start; index < end; index++) {
      sum += index === start ? this.first(words, index) : this.inner(words, index);
    }
    return sum + this.last(words, end, start);
  }
}

function leadOf({ separator }: Word): '' | ' ' | '\t' {
  return separator === ' ' || separator === '\t' ? separator : '';
}

function trailAfter(words: readonly Word[], index: number): Trail {
  const next = words[index + 1]?.separator;
  return next === '\n' || next === '\n\n' ? next : '';
}
