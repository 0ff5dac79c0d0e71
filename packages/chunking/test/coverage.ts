import type { Chunk } from '@millrace/contracts';

/** The text without white space. */
export const squeeze = (text: string) => text.replace(/\s+/gu, '');

/**
 * The positions in `all` that the chunk may end at, when the chunks before it end at one of `reached`. There may be several,
 * because the length of the overlap is unknown and repetitive text can be matched in several ways.
 */
export function reachOf(
  before: Chunk | undefined,
  chunk: Chunk,
  reached: ReadonlySet<number>,
  all: string,
): Set<number> {
  const text = squeeze(chunk.text);
  const end = squeeze(before?.text ?? '');
  const reach = new Set<number>();
  for (const from of reached) {
    const longest = chunk.hasOverlap ? Math.min(end.length, text.length - 1) : 0;
    for (let length = chunk.hasOverlap ? 1 : 0; length <= longest; length++) {
      if (end.endsWith(text.slice(0, length)) && all.startsWith(text.slice(length), from)) {
        reach.add(from + text.length - length);
      }
    }
  }
  return reach;
}
