const length = 240;

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
}

/** The part of a text that has the most words of the query, on one line. */
export function makeSnippet(text: string, query: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= length) {
    return line;
  }
  const wanted = new Set(wordsOf(query));
  const starts = [0, ...[...line.matchAll(/[.!?] /g)].map((match) => match.index + 2)];
  const candidates = starts.map((start) => line.slice(start, start + length));
  const score = (part: string) => new Set(wordsOf(part).filter((word) => wanted.has(word))).size;
  // The last of the best begins closest to the words; a text that has none of them is shown from its beginning.
  const best = candidates.reduce((left, right) => (score(right) > 0 && score(right) >= score(left) ? right : left));
  const start = line.indexOf(best);
  return `${start > 0 ? '... ' : ''}${best.trim()}${start + length < line.length ? ' ...' : ''}`;
}
