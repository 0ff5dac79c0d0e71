import { statSync } from 'node:fs';
import { MillraceError } from '@millrace/contracts';
import { fallbackEncoding } from './encoding/candidate';
import { encodingOf } from './encoding/charset';
import { decodeFile, detectEncoding } from './encoding/encodedFile';
import { hasPages } from './encoding/formFeeds';
import { normalizeTitle } from './normalize';
import { paginate } from './pages';
import { declaredCharset } from './readers/html/declaredCharset';
import { readHtml } from './readers/html/readHtml';
import { readMarkdown } from './readers/markdown';
import { readPlain } from './readers/plain';
import { splitText } from './splitText';
import { maxTitleLength, type Piece, type TextPage, type TextType } from './types';

/** Markdown is parsed as a whole, which takes about twenty times its size in memory. Other texts are read piece by piece. */
const maxMarkdownBytes = 16 * 1024 * 1024;

export interface TextOptions {
  /** The declared encoding of the file, as `charsetOf` returns it. */
  charset?: string | null;
  /** The most pages that form feeds may end. The number of pages that are made here says nothing, so it has no limit. */
  maxPages?: number;
}

/**
 * Reads the pages of a text file, one at a time. The result depends only on the bytes and the charset.
 * @returns the document's title, cut to 1,000 characters; null when it has none.
 * @throws MillraceError TEXT_UNREADABLE when the file is not text, DOCUMENT_TOO_LARGE for large Markdown,
 * DOCUMENT_TOO_MANY_PAGES; the file system's error when the file cannot be read.
 */
export function* readTextPages(
  path: string,
  type: TextType,
  { charset = null, maxPages = Number.POSITIVE_INFINITY }: TextOptions = {},
): Generator<TextPage, string | null> {
  const encoding = detectEncoding(path, charset);
  if (encoding === null) {
    throw new MillraceError('TEXT_UNREADABLE', 'The file contains bytes that are not text in any known encoding.');
  }
  const size = statSync(path).size;
  if (type === 'text/markdown' && size > maxMarkdownBytes) {
    throw new MillraceError(
      'DOCUMENT_TOO_LARGE',
      `The Markdown has ${size} bytes. The limit is ${maxMarkdownBytes} bytes.`,
    );
  }
  const isGuess = encoding === fallbackEncoding && charset !== encoding;
  const declared = type === 'text/html' && isGuess ? declaredInHtml(path) : null;
  const pieces = new TitledPieces(readerOf(type, decodeFile(path, declared ?? encoding)));
  if (type !== 'text/html' && hasPages(path, encoding)) {
    yield* limited(paginate(pieces, Number.POSITIVE_INFINITY), maxPages);
  } else {
    yield* paginate(pieces);
  }
  return pieces.title === null ? null : (splitText(normalizeTitle(pieces.title), maxTitleLength).next().value ?? null);
}

function readerOf(type: TextType, texts: Iterable<string>): Generator<Piece, string | null> {
  switch (type) {
    case 'text/html':
      return readHtml(texts);
    case 'text/markdown':
      return readMarkdown([...texts].join(''));
    case 'text/plain':
      return readPlain(texts);
  }
}

/** The encoding that an HTML file declares. Null when it is unknown or impossible. */
function declaredInHtml(path: string): string | null {
  const label = declaredCharset(decodeFile(path, fallbackEncoding));
  const encoding = label === null ? null : encodingOf(label);
  // In a UTF-16 file, the tag would not have been found.
  return encoding?.startsWith('utf-16') || encoding?.startsWith('utf-32') ? null : encoding;
}

function* limited(pages: Generator<TextPage>, maxPages: number): Generator<TextPage> {
  for (const page of pages) {
    if (page.page > maxPages) {
      throw new MillraceError('DOCUMENT_TOO_MANY_PAGES', `The document has more than ${maxPages} pages.`);
    }
    yield page;
  }
}

/** Passes on the pieces of a reader and keeps the title that it returns at its end. */
class TitledPieces implements Iterable<Piece> {
  title: string | null = null;

  constructor(private readonly pieces: Generator<Piece, string | null>) {}

  *[Symbol.iterator](): Generator<Piece> {
    this.title = (yield* this.pieces) ?? null;
  }
}
