import { statSync } from 'node:fs';
import { MillraceError } from '@millrace/contracts';
import { encodingOf } from './charset';
import { decodeFile, detectEncoding } from './encoding';
import { readHtml } from './html';
import { readMarkdown } from './markdown';
import { cut, paginate } from './pages';
import { readPlain } from './plain';
import { maxTitle, type Piece, type TextPage, type TextType } from './types';

/** Markdown is parsed as a whole, in some twenty times its size; plain text and HTML are read as they come. */
const maxMarkdownBytes = 16 * 1024 * 1024;

/**
 * The pages of a text file, read as they are taken. The same bytes and the same charset give the same pages.
 * @param charset the encoding that the file was said to be in, as `charsetOf` gives it.
 * @returns the document's title, if it says one, up to maxTitle characters.
 * @throws MillraceError TEXT_UNREADABLE (no text after all, or HTML too deep to parse) or DOCUMENT_TOO_LARGE; the file system's error when it cannot be read.
 */
export function* readTextPages(
  path: string,
  type: TextType,
  charset: string | null = null,
): Generator<TextPage, string | null> {
  const encoding = detectEncoding(path, charset);
  if (encoding === null) {
    throw new MillraceError('TEXT_UNREADABLE', 'The file holds bytes that are no text in any known encoding.');
  }
  const size = statSync(path).size;
  if (type === 'text/markdown' && size > maxMarkdownBytes) {
    throw new MillraceError(
      'DOCUMENT_TOO_LARGE',
      `The Markdown holds ${size} bytes; up to ${maxMarkdownBytes} are read.`,
    );
  }
  const isOpen = encoding === 'windows-1252' && charset !== encoding;
  const said = type === 'text/html' && isOpen ? declaredCharset(path) : null;
  const titled = new Titled(readerOf(type, decodeFile(path, said ?? encoding)));
  yield* paginate(titled);
  return titled.title === null ? null : (cut(titled.title, maxTitle).next().value ?? null);
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

/** What an HTML file that is no Unicode says of its encoding in its first kilobyte, where that is known and can be true. */
function declaredCharset(path: string): string | null {
  const [head = ''] = decodeFile(path, 'windows-1252');
  const [, label] = /<meta[^>]*charset\s*=\s*["']?([\w-]+)/i.exec(head.slice(0, 1024)) ?? [];
  const encoding = label === undefined ? null : encodingOf(label);
  // Were it UTF-16, this could not have been read.
  return encoding?.startsWith('utf-16') ? null : encoding;
}

/** Passes pieces on and keeps the title that their reader ends with. */
class Titled implements Iterable<Piece> {
  title: string | null = null;

  constructor(private readonly pieces: Generator<Piece, string | null>) {}

  *[Symbol.iterator](): Generator<Piece> {
    this.title = (yield* this.pieces) ?? null;
  }
}
