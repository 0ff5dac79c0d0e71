import { countTokens as countAll } from 'gpt-tokenizer/encoding/cl100k_base';

/** Text such as "<|endoftext|>" is text here, never a command. */
const asPlainText = { disallowedSpecial: new Set<string>() };

/** The number of cl100k_base tokens of `text`. */
export function countTokens(text: string): number {
  return countAll(text, asPlainText);
}

const maxCached = 100_000;
const maxCachedLength = 64;

/** White space that is counted with the word after it, and with the word before it. */
const leads = ['', ' ', '\t'] as const;
const trails = ['', '\n', '\n\n'] as const;
export type Lead = (typeof leads)[number];
export type Trail = (typeof trails)[number];

/**
 * Counts tokens of words and remembers the counts: text repeats its words, and a look-up costs a hundredth of a count.
 * The tokenizer never joins what stands on both sides of a space or line break that is cut *before* spaces and tabs and
 * *after* line breaks, so the counts of a text's pieces cut there add up to the count of the text.
 */
export class TokenCounter {
  /** One for each lead and trail, so that no piece is put together to be looked up. */
  private readonly known = Array.from({ length: leads.length * trails.length }, () => new Map<string, number>());

  count(word: string, lead: Lead = '', trail: Trail = ''): number {
    const known = this.known[leads.indexOf(lead) + leads.length * trails.indexOf(trail)];
    const remembered = known?.get(word);
    if (remembered !== undefined) {
      return remembered;
    }
    const tokens = countTokens(lead + word + trail);
    if (known !== undefined && word.length <= maxCachedLength) {
      if (known.size >= maxCached) {
        known.clear();
      }
      known.set(word, tokens);
    }
    return tokens;
  }
}
