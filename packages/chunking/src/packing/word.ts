import type { Block } from '../structure/block';
import type { ChunkLine } from '../types';

/** The white space between a word and the word before it in the text of a chunk. */
export type Separator = '' | ' ' | '\t' | '\n' | '\n\n';

/** A run of characters without white space, or a piece of a run that is too long. */
export interface Word {
  /** It begins with the white space that its separator leaves out: an indentation, or the tabs of empty cells. */
  text: string;
  separator: Separator;
  /** How well a chunk can end before this word; see boundary.ts. */
  boundary: number;
  line: ChunkLine;
  block: Block;
  /** The tokens of the word inside a text; see WordCosts. -1 until they are counted. */
  innerTokens: number;
}

/** The text of the words. The separator of the first is not part of it. */
export function textOf(words: readonly Word[]): string {
  let text = '';
  for (const [index, word] of words.entries()) {
    text += index === 0 ? word.text : word.separator + word.text;
  }
  return text;
}
