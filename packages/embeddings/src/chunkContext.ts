/** A chunk with what surrounds it. */
export interface ChunkInDocument {
  /** The title of its document. */
  title: string | null;
  filename: string;
  /** The path of headings above it, such as "Item 7 > Liquidity". */
  section: string | null;
}

/** Lines of this many tokens say what a text is about. Longer ones would make all short chunks of a document alike. */
const mostTokens = 32;

/**
 * Returns the lines that are embedded before the text of a chunk: the title of the document, or its readable file name, and
 * the headings above the text. Headings are left out from the outside, then the title is cut, until they have at most
 * `room` tokens. Returns an empty string when nothing is known or nothing has room.
 */
export function contextOf({ title, filename, section }: ChunkInDocument, room: number): string {
  const name = readableTitle(title ?? '') || readableName(filename);
  const headings = section?.split(' > ') ?? [];
  if (headings[0]?.toLowerCase() === name.toLowerCase()) {
    headings.shift();
  }
  const limit = Math.min(room, mostTokens);
  for (let outer = 0; outer <= headings.length; outer++) {
    const lines = [name, headings.slice(outer).join(' > ')].filter((line) => line !== '').join('\n');
    if (mostTokensOf(lines) <= limit) {
      return lines;
    }
  }
  return cut(name, limit);
}

/** Returns the first words with at most `limit` tokens. Where words are written without spaces, single letters count as words. */
function cut(name: string, limit: number): string {
  let kept = '';
  for (const [piece] of name.matchAll(piecePattern)) {
    if (mostTokensOf(kept + piece) > limit) {
      break;
    }
    kept += piece;
  }
  return kept.trimEnd();
}

const spaceless = String.raw`\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}`;
const piecePattern = new RegExp(String.raw`[${spaceless}]\p{M}*|[^ ${spaceless}]+| `, 'gu');

/** Returns the title with single spaces, or an empty string when it is only a number or an identifier. */
function readableTitle(title: string): string {
  const words = title.split(/\s+/u).filter((word) => word !== '');
  return words.some(isTelling) ? words.join(' ') : '';
}

/**
 * Returns the words of a file name: "ADOBE_2017_10K.pdf" is "ADOBE 2017 10K". Numbers of a scanner and identifiers say
 * nothing, so a name without other words gives an empty string.
 */
export function readableName(filename: string): string {
  const words = filename
    .normalize('NFC')
    .replace(/\.[a-z0-9]{1,5}$/i, '')
    .split(/[\s_+.,;()[\]{}~-]+|%20/u)
    .filter((word) => word !== '' && !isIdentifier(word));
  return words.some(isTelling) ? words.join(' ') : '';
}

/** Three letters make a word in most scripts. In Chinese and Japanese, one character does. */
function isTelling(word: string): boolean {
  return (
    /\p{L}{3}|[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]/u.test(word) && !isIdentifier(word) && !meaningless.test(word)
  );
}

const meaningless =
  /^(scan|img|image|doc|document|file|untitled|unnamed|download|page|copy|pdf|new|temp|tmp|final)\d*$/i;

/** Digits and letters from a hash, a UUID or a time: "3f2504e0", "20260131T120000Z", "00017423". */
function isIdentifier(word: string): boolean {
  return (/^[0-9a-f]{8,}$/i.test(word) && /\d/.test(word)) || /^\d{5,}/.test(word);
}

/** Returns a careful estimate of the tokens of a text: no common tokenizer makes more of prose. */
export function mostTokensOf(text: string): number {
  const others = text.match(/[^\x20-\x7e\s]/gu)?.length ?? 0;
  return Math.ceil((text.length - others) / 3) + others;
}
