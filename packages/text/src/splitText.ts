import { maxPieceLength } from './types';

/** Splits `text` into parts of at most `limit` characters. Splits at a space where a part has one. */
export function* splitText(text: string, limit = maxPieceLength): Generator<string> {
  let from = 0;
  while (text.length - from > limit) {
    // Only this part is searched. Otherwise a text without spaces would be searched back to its beginning for each part.
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
