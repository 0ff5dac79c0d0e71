import { countTokens as countAll } from 'gpt-tokenizer/encoding/cl100k_base';

/** The tokenizer's commands, such as "<|endoftext|>", are counted as plain text. */
const asPlainText = { disallowedSpecial: new Set<string>() };

/** The number of cl100k_base tokens of `text`. */
export function countTokens(text: string): number {
  return countAll(text, asPlainText);
}

const maxCached = 100_000;
const maxCachedLength = 64;

/** White space that is counted with the word after it. */
const leads = ['', ' ', '\t'] as const;
/** White space that is counted with the word before it. */
const trails = ['', '\n', '\n\n'] as const;
export type Lead = (typeof leads)[number];
export type Trail = (typeof trails)[number];

/**
 * Counts the tokens of words and remembers the counts. Texts repeat their words, and a look-up takes a hundredth of the time
 * of a count. The counts of the parts of a text add up to the count of the text when it is cut *before* spaces and tabs and
 * *after* line breaks, because the tokenizer never merges across such a cut.
 */
export class TokenCounter {
  /** One cache for each pair of lead and trail, so that a look-up needs no new string. */
  private readonly caches = Array.from({ length: leads.length * trails.length }, () => new Map<string, number>());

  count(word: string, lead: Lead = '', trail: Trail = ''): number {
    // The length of a trail is its index.
    const cache = this.caches[(lead === '' ? 0 : lead === ' ' ? 1 : 2) + leads.length * trail.length];
    const cached = cache?.get(word);
    if (cached !== undefined) {
      return cached;
    }
    const tokens = countTokens(lead + word + trail);
    if (cache !== undefined && word.length <= maxCachedLength) {
      if (cache.size >= maxCached) {
        cache.clear();
      }
      cache.set(word, tokens);
    }
    return tokens;
  }
}
