import { countTokens as countAll } from 'gpt-tokenizer/encoding/cl100k_base';

/** Text such as "<|endoftext|>" is text here, never a command. */
const asPlainText = { disallowedSpecial: new Set<string>() };

/** The number of cl100k_base tokens of `text`. */
export function countTokens(text: string): number {
  return countAll(text, asPlainText);
}

const MAX_CACHED = 100_000;
const MAX_CACHED_LENGTH = 64;

/**
 * Counts tokens of words and remembers the counts: text repeats its words, and a look-up costs a hundredth of a count.
 * The tokenizer never joins what stands on both sides of a space or line break that is cut *before* spaces and tabs and
 * *after* line breaks, so the counts of a text's pieces cut there add up to the count of the text.
 */
export class TokenCounter {
  private readonly known = new Map<string, number>();

  count(piece: string): number {
    const known = this.known.get(piece);
    if (known !== undefined) {
      return known;
    }
    const tokens = countTokens(piece);
    if (piece.length <= MAX_CACHED_LENGTH) {
      if (this.known.size >= MAX_CACHED) {
        this.known.clear();
      }
      this.known.set(piece, tokens);
    }
    return tokens;
  }
}
