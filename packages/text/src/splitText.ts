import { maxPieceLength } from './types';

/** Splits `text` into parts of at most `limit` characters, at spaces where there are any. */
export function* splitText(text: string, limit = maxPieceLength): Generator<string> {
  let from = 0;
  while (text.length - from > limit) {
    // The search is limited to this part. Without a space it would otherwise go back to the beginning each time.
    const space = text.slice(from, from + limit + 1).lastIndexOf(' ');
    let to = from + (space > 0 ? space : limit);
    // A surrogate pair is not split.
    if (/[\uD800-\uDBFF]/.test(text[to - 1] ?? '')) {
      to--;
    }
    yield text.slice(from, to);
    from = text[to] === ' ' ? to + 1 : to;
  }
  if (from < text.length) {
    yield text.slice(from);
  }
}
