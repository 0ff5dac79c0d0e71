import { statSync } from 'node:fs';
import { MillraceError } from '@millrace/contracts';
import { fallbackEncoding } from './encoding/candidate';
import { encodingOf } from './encoding/charset';
import { decodeFile, detectEncoding } from './encoding/encodedFile';

import { paginate } from './pages';
import { readHtml } from './readers/html';
import { readMarkdown } from './readers/markdown';
import { readPlain } from './readers/plain';
import { splitText } from './splitText';
import { maxTitleLength, type Piece, type TextPage, type TextType } from './types';

/** Markdown is parsed as a whole, which takes about twenty times its size in memory. Other texts are read piece by piece. */
const maxMarkdownBytes = 16 * 1024 * 1024;

/**
 * Reads the pages of a text file, one at a time. The result depends only on the bytes and the charset.
 * @param charset The declared encoding of the file, as `charsetOf` returns it.
 * @returns the document's title, cut to 1,000 characters; null when it has none.
 * @throws MillraceError TEXT_UNREADABLE when the file is not text or its HTML is nested too deeply, DOCUMENT_TOO_LARGE
 * for large Markdown; the file system's error when the file cannot be read.
 */
export function* readTextPages(
  path: string,
  type: TextType,
  charset: string | null = null,
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
  yield* paginate(pieces);
  return pieces.title === null ? null : (splitText(pieces.title, maxTitleLength).next().value ?? null);
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

/** The encoding that a meta tag in the first kilobyte of an HTML file declares. Null when it is unknown or impossible. */
function declaredInHtml(path: string): string | null {
  const [head = ''] = decodeFile(path, fallbackEncoding);
  const [, label] = /<meta[^>]*charset\s*=\s*["']?([\w-]+)/i.exec(head.slice(0, 1024)) ?? [];
  const encoding = label === undefined ? null : encodingOf(label);
  // In a UTF-16 file, the tag would not have been found.
  return encoding?.startsWith('utf-16') ? null : encoding;
}

/** Passes on the pieces of a reader and keeps the title that it returns at its end. */
class TitledPieces implements Iterable<Piece> {
  title: string | null = null;

  constructor(private readonly pieces: Generator<Piece, string | null>) {}

  *[Symbol.iterator](): Generator<Piece> {
    this.title = (yield* this.pieces) ?? null;
  }
}
