const maxLength = 240;

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
}

/** Returns the part of a text that has the most words of the query, on one line. */
export function makeSnippet(text: string, query: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= maxLength) {
    return line;
  }
  const queryWords = new Set(wordsOf(query));
  const starts = [0, ...[...line.matchAll(/[.!?] /g)].map((match) => match.index + 2)];
  const candidates = starts.map((start) => line.slice(start, start + maxLength));
  const score = (part: string) => new Set(wordsOf(part).filter((word) => queryWords.has(word))).size;
  // The last of the best candidates begins closest to the words. A text without the words is shown from its beginning.
  const best = candidates.reduce((left, right) => (score(right) > 0 && score(right) >= score(left) ? right : left));
  const start = line.indexOf(best);
  return `${start > 0 ? '... ' : ''}${best.trim()}${start + maxLength < line.length ? ' ...' : ''}`;
}
