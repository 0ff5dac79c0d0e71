import type { ChunkLine } from '../types';

/** A title is at most this many lines long. */
const maxLines = 4;

export interface FoundTitle {
  /** The title's first line. */
  index: number;
  lines: number;
  /** True when the lines contain nothing but the title. */
  isWhole: boolean;
}

export interface TitleSearch {
  lines: readonly ChunkLine[];
  /** The key of each line. */
  keys: readonly string[];
  /** The key of the title. */
  title: string;
  /** The line to begin with. */
  from: number;
}

/**
 * Finds a title on a page: first as whole bold lines, then as whole lines, then at the beginning of a
 * line. Returns null when it is not on the page.
 */
export function findTitle({ lines, keys, title, from }: TitleSearch): FoundTitle | null {
  let whole: FoundTitle | null = null;
  let partial: FoundTitle | null = null;
  if (title.length < 2) {
    return null;
  }
  for (let index = from; index < keys.length; index++) {
    const key = keys[index] ?? '';
    if (key === '') {
      continue;
    }
    if (key.startsWith(title) && key !== title) {
      partial ??= { index, lines: 1, isWhole: false };
    } else if (title.startsWith(key)) {
      const count = countTitleLines(keys, title, index);
      if (count > 0 && (whole === null || lines[index]?.bold === true)) {
        whole = { index, lines: count, isWhole: true };
        if (lines[index]?.bold === true) {
          return whole;
        }
      }
    }
  }
  return whole ?? partial;
}

/** How many lines from `index` on are the title and nothing else; 0 when they are not. */
function countTitleLines(keys: readonly string[], title: string, index: number): number {
  let text = '';
  for (let count = 1; count <= maxLines && index + count <= keys.length; count++) {
    text += keys[index + count - 1] ?? '';
    if (text === title) {
      return count;
    }
    if (!title.startsWith(text)) {
      return 0;
    }
  }
  return 0;
}

/** The letters and digits of `text` in lower case. Outlines and pages differ in spaces, dots and quotes. */
export function titleKeyOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
