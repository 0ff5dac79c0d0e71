import { MillraceError } from '@millrace/contracts';
import { Parser } from 'htmlparser2';
import { maxPieceLength, type Piece } from '../types';
import { isHidden } from './hiddenElements';
import { HtmlText } from './htmlText';

/** Tags that a title contains only when its end tag is missing. */
const tagsAfterTitle = /<\/head\b|<body\b/i;
/** Far above the 512 of browsers. It only bounds the parser's time, which grows with the square of the depth. */
const maxDepth = 20_000;

/** Reads HTML piece by piece. Returns the document's title. */
export function* readHtml(texts: Iterable<string>): Generator<Piece, string | null> {
  const reader = new HtmlReader();
  for (const text of texts) {
    reader.parser.write(text);
    yield* reader.text.take();
  }
  reader.parser.end();
  reader.text.end();
  yield* reader.text.take();
  return reader.title;
}

/** Passes the visible part of an HTML document to an HtmlText, and finds the title. */
class HtmlReader {
  title: string | null = null;
  readonly text = new HtmlText();
  private depth = 0;
  /** The depth of the outermost open element that is hidden; null when none is. */
  private hiddenAt: number | null = null;
  /** The text of the open title element; null outside of one. */
  private titleText: string | null = null;
  /** True until a title has been read, even an empty one. */
  private wantsTitle = true;

  readonly parser = this.newParser();

  private newParser(): Parser {
    // For the parser, everything after a title without an end tag is text of the title. A second parser reads that text.
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
            // A longer title probably lacks its end tag. The rest is parsed now, so that it is not all held in memory.
            rest = this.titleText.length > maxPieceLength ? this.parseAfterTitle(this.titleText) : null;
          }
        },
        onclosetag: (name, isImplied) => {
          if (name === 'title' && this.titleText !== null) {
            const text = this.titleText;
            if (isImplied || tagsAfterTitle.test(text)) {
              rest = this.parseAfterTitle(text);
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

  /** Takes the text before the first tag as the title, and returns a parser that has begun with the rest. */
  private parseAfterTitle(text: string): Parser {
    const end = text.search(/<[a-z/!]/i);
    this.endTitle(end < 0 ? text : text.slice(0, end));
    const parser = this.newParser();
    parser.write(end < 0 ? '' : text.slice(end));
    return parser;
  }

  private endTitle(text: string): void {
    this.title = text.replace(/\s+/gu, ' ').trim() || null;
    this.titleText = null;
    // Only the first title is read. Otherwise each title without an end tag would add a parser.
    this.wantsTitle = false;
  }

  private open(name: string, attributes: Record<string, string>): void {
    this.depth++;
    if (this.depth > maxDepth) {
      throw new MillraceError('TEXT_UNREADABLE', `The HTML nests more than ${maxDepth} elements.`);
    }
    if (this.hiddenAt === null && isHidden(name, attributes)) {
      this.hiddenAt = this.depth;
    }
    if (this.hiddenAt !== null) {
      return;
    }
    if (name === 'title' && this.wantsTitle) {
      this.titleText = '';
    }
    this.text.openElement(name, attributes);
  }

  private close(name: string): void {
    const { hiddenAt } = this;
    if (hiddenAt === this.depth) {
      this.hiddenAt = null;
    }
    this.depth--;
    if (hiddenAt === null) {
      this.text.closeElement(name);
    }
  }

  private add(text: string): void {
    if (this.hiddenAt === null) {
      this.text.add(text);
    }
  }
}
