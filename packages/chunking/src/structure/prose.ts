import type { ChunkLine } from '../types';

/**
 * True for lines of running text: they have no cells, and half of their words or more begin with a small letter. In no
 * language are most words of a sentence capitalized.
 */
export function isProse(lines: readonly ChunkLine[]): boolean {
  const words = lines.flatMap(({ text }) => text.split(' ')).filter((word) => /\p{L}/u.test(word));
  const small = words.filter((word) => /^\p{Ll}/u.test(word));
  return small.length * 2 >= words.length && lines.every(({ text }) => !text.includes('\t'));
}
