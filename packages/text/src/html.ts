import { MillraceError } from '@millrace/contracts';
import { Parser } from 'htmlparser2';
import { cut } from './pages';
import { maxPiece, type Piece } from './types';

/** What is not part of what a page says. */
const leftOut = new Set(
  // The header of inline XBRL holds facts for machines, as megabytes of numbers.
  ['script', 'style', 'nav', 'noscript', 'template', 'svg', 'math', 'iframe', 'object', 'ix:header'],
);
const notShown = /(?:^|;)\s*display\s*:\s*none\b/i;
/** What a title holds only when its end tag is missing. */
const afterTitle = /<\/head\b|<body\b/i;
const blocks = new Set(
  (
    'address article aside blockquote body br caption dd details dialog div dl dt fieldset figcaption figure footer form ' +
    'header hgroup hr legend li main ol option p pre section summary ul'
  ).split(' '),
);
/** Browsers stop at 512. The parser's time grows with the square of it. */
const maxDepth = 20_000;
const maxCells = 1_000;
const headingNames = /^h([1-6])$/;

/** Turns the parts of an HTML document, as they are parsed, into pieces of text. */
class HtmlReader {
  title: string | null = null;
  private pieces: Piece[] = [];
  private text = '';
  /** The cells of the table row in hand; empty outside of one. */
  private cells: string[] = [];
  private headingLevel: number | undefined;
  private depth = 0;
  /** The depth of the element in hand that is left out; null outside of one. */
  private leftOutAt: number | null = null;
  private preformatted = 0;
  private titleText: string | null = null;
  /** False once there was a title, or what should have been one. */
  private wantsTitle = true;
  /** The open lists: the next number of each, or null for bullets. */
  private readonly lists: (number | null)[] = [];
  private marker = '';

  readonly parser = this.newParser();

  /** What has been read since the last call. */
  take(): Piece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  end(): void {
    this.parser.end();
    this.endRow();
    this.endText();
  }

  private newParser(): Parser {
    // To the parser all that follows a title without an end tag is its text: that is parsed by another one.
    let rest: Parser | null = null;
    return new Parser(
      {
        onopentag: (name, attributes) => this.open(name, attributes),
        ontext: (text) => {
          if (rest !== null) {
            rest.write(text);
          } else if (this.titleText === null) {
            this.add(text);
          } else {
            this.titleText += text;
            rest = this.titleText.length > maxPiece ? this.readOn(this.titleText) : null;
          }
        },
        onclosetag: (name, isImplied) => {
          if (name === 'title' && this.titleText !== null) {
            const text = this.titleText;
            if (isImplied || afterTitle.test(text)) {
              rest = this.readOn(text);
            } else {
              this.endTitle(text);
            }
          }
          if (name === 'title') {
            rest?.end();
            rest = null;
          }
          this.close(name);
        },
      },
      { decodeEntities: true, lowerCaseTags: true },
    );
  }

  /** Takes what precedes the first tag for the title, and the rest for what follows it. */
  private readOn(text: string): Parser {
    const end = text.search(/<[a-z/!]/i);
    this.endTitle(end < 0 ? text : text.slice(0, end));
    const parser = this.newParser();
    parser.write(end < 0 ? '' : text.slice(end));
    return parser;
  }

  private endTitle(text: string): void {
    this.title = text.replace(/\s+/gu, ' ').trim() || null;
    this.titleText = null;
    // Else as many parsers would be at work as there are titles without an end.
    this.wantsTitle = false;
  }

  private open(name: string, attributes: Record<string, string>): void {
    this.depth++;
    if (this.depth > maxDepth) {
      throw new MillraceError('TEXT_UNREADABLE', `The HTML nests more than ${maxDepth} elements.`);
    }
    if (this.leftOutAt === null && isLeftOut(name, attributes)) {
      this.leftOutAt = this.depth;
    }
    if (this.leftOutAt !== null) {
      return;
    }
    if (name === 'title' && this.wantsTitle) {
      this.titleText = '';
    }
    const heading = headingNames.exec(name);
    if (heading !== null) {
      this.endRow();
      this.endText();
      this.headingLevel = Number(heading[1]);
    } else if (name === 'table' || name === 'tr') {
      this.endRow();
      this.endText();
    } else if (name === 'td' || name === 'th') {
      this.endText();
      if (this.cells.length === maxCells) {
        this.endRow();
      }
      this.cells.push('');
    } else if (blocks.has(name)) {
      this.break();
    }
    if (name === 'ul' || name === 'ol') {
      this.lists.push(name === 'ol' ? Number.parseInt(attributes.start ?? '1', 10) || 1 : null);
    } else if (name === 'li') {
      this.marker = this.nextMarker();
    } else if (name === 'pre') {
      this.preformatted++;
    } else if (name === 'img' && attributes.alt) {
      this.add(` ${attributes.alt} `);
    }
  }

  private close(name: string): void {
    const { leftOutAt } = this;
    if (leftOutAt === this.depth) {
      this.leftOutAt = null;
    }
    this.depth--;
    if (leftOutAt !== null) {
      return;
    }
    if (headingNames.test(name)) {
      this.endText();
      this.headingLevel = undefined;
    } else if (name === 'tr' || name === 'table') {
      this.endRow();
    } else if (blocks.has(name)) {
      this.break();
    }
    if (name === 'ul' || name === 'ol') {
      this.lists.pop();
    } else if (name === 'pre') {
      this.preformatted = Math.max(0, this.preformatted - 1);
    }
  }

  private add(text: string): void {
    if (this.leftOutAt === null) {
      const added = this.preformatted > 0 ? text : text.replace(/\s+/gu, ' ');
      const last = this.cells.length - 1;
      if (last >= 0) {
        this.cells[last] += added;
      } else {
        this.text += added;
      }
      if (this.text.length > maxPiece) {
        this.endText();
      } else if ((this.cells[last]?.length ?? 0) > maxPiece) {
        this.endRow();
      }
    }
  }

  /** A block begins or ends here. Within a cell it may still be one of several in a row. */
  private break(): void {
    const last = this.cells.length - 1;
    if (last >= 0) {
      this.cells[last] += '\n';
    } else {
      this.endText();
    }
  }

  private endText(): void {
    this.put(this.text);
    this.text = '';
  }

  /** A row of several cells is one line; a single cell, as pages use for their layout, is what it holds. */
  private endRow(): void {
    const cells = this.cells.filter((cell) => cell.trim() !== '');
    this.cells = [];
    if (cells.length > 1) {
      this.put(cells.map((cell) => cell.replace(/\s+/gu, ' ').trim()).join('\t'));
    } else {
      this.put(cells[0] ?? '');
    }
  }

  private put(text: string): void {
    for (const line of text.split(/\r\n|[\r\n]/u)) {
      if (line.trim() === '') {
        continue;
      }
      for (const part of cut(this.marker + line.trim())) {
        this.pieces.push(
          this.headingLevel === undefined ? { text: part } : { text: part, headingLevel: this.headingLevel },
        );
      }
      this.marker = '';
    }
  }

  private nextMarker(): string {
    const number = this.lists.at(-1) ?? null;
    if (number === null) {
      return '• ';
    }
    this.lists[this.lists.length - 1] = number + 1;
    return `${number}. `;
  }
}

/** True for what a browser does not show. Scripts show a whole page that is hidden at first. */
function isLeftOut(name: string, attributes: Record<string, string>): boolean {
  if (leftOut.has(name)) {
    return true;
  }
  return name !== 'html' && name !== 'body' && ('hidden' in attributes || notShown.test(attributes.style ?? ''));
}

/** Reads HTML as it comes, without holding all of it. @returns the document's title. */
export function* readHtml(texts: Iterable<string>): Generator<Piece, string | null> {
  const reader = new HtmlReader();
  for (const text of texts) {
    reader.parser.write(text);
    yield* reader.take();
  }
  reader.end();
  yield* reader.take();
  return reader.title;
}
