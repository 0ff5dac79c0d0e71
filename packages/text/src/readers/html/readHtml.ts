import type { Parser } from 'htmlparser2';
import { maxPieceLength, type Piece } from '../../types';
import { Formula, isFormula, texOf } from './formulas/formula';
import { readMathMl } from './formulas/readMathMl';
import { HtmlText } from './htmlText';
import { moveEnds } from './markupEnds';
import { ShallowParser } from './shallowParser';
import { Visibility } from './visibility';

/** Tags that a title contains only when its end tag is missing. */
const tagsAfterTitle = /<\/head\b|<body\b/i;
/** Pages in frames inside a page are read down to this depth. */
const maxFrames = 10;

/** Reads HTML piece by piece. Returns the document's title. */
export function* readHtml(texts: Iterable<string>): Generator<Piece, string | null> {
  const text = new HtmlText();
  const reader = new HtmlReader(text, 0);
  for (const piece of moveEnds(texts)) {
    reader.parser.write(piece);
    yield* text.take();
  }
  reader.parser.end();
  text.end();
  yield* text.take();
  return reader.title;
}

/** Passes the visible part of an HTML document to an HtmlText, and finds the title. */
class HtmlReader {
  title: string | null = null;
  private readonly visibility = new Visibility();
  /** The text of the open title element; null outside of one. */
  private titleText: string | null = null;
  /** True until a title has been read, even an empty one. */
  private wantsTitle = true;
  private formula: Formula | null = null;
  /** True after a formula whose source may stand in a script, which would be the same formula again. */
  private isAfterFormula = false;
  private isAfterLetter = false;
  /** True right after a formula. */
  private isBeforeWord = false;
  /** The source of a formula in the open script; null outside of one. */
  private script: { type: string; source: string } | null = null;

  readonly parser = this.newParser();

  /** @param frames How many frames are around the document. */
  constructor(
    private readonly text: HtmlText,
    private readonly frames: number,
  ) {}

  private newParser(): Parser {
    // For the parser, everything after a title without an end tag is text of the title. A second parser reads that text.
    let rest: Parser | null = null;
    const parser: ShallowParser = new ShallowParser(
      {
        onopentag: (name, attributes) => {
          parser.enter();
          this.open(name, attributes);
        },
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
          parser.leave();
          this.close(name);
        },
      },
      { decodeEntities: true, lowerCaseTags: true },
    );
    return parser;
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
    this.title = text.trim() === '' ? null : text;
    this.titleText = null;
    // Only the first title is read. Otherwise each title without an end tag would add a parser.
    this.wantsTitle = false;
  }

  private open(name: string, attributes: Record<string, string>): void {
    if (name === 'iframe' && attributes.srcdoc !== undefined) {
      this.readFrame(attributes);
    }
    const isMathScript = this.visibility.isShown && name === 'script' && /^math\//i.test(attributes.type ?? '');
    this.visibility.open(name, attributes);
    if (this.formula === null && this.visibility.isShown && isFormula(name, attributes)) {
      this.formula = new Formula(name, attributes);
    }
    if (this.formula !== null) {
      if (this.formula.open(name, attributes)) {
        return;
      }
      this.endFormula();
    } else if (isMathScript) {
      this.script = { type: attributes.type ?? '', source: '' };
    }
    if (!this.visibility.isShown) {
      return;
    }
    if (name === 'title' && this.wantsTitle) {
      this.titleText = '';
    }
    this.text.openElement(name, attributes);
  }

  private close(name: string): void {
    const { isShown } = this.visibility;
    this.visibility.close();
    if (this.formula !== null) {
      if (!this.formula.close()) {
        this.endFormula();
      }
      return;
    }
    if (this.script !== null && name === 'script') {
      this.endScript(this.script);
    }
    if (isShown) {
      this.text.closeElement(name);
    }
  }

  private add(text: string): void {
    if (this.formula !== null) {
      if (!this.formula.add(text)) {
        this.endFormula();
      }
    } else if (this.script !== null) {
      this.script.source += text;
    } else if (this.visibility.isShown) {
      this.isAfterFormula &&= text.trim() === '';
      // Saved pages lack the spaces around formulas that styles make. "nth" stays one word.
      this.text.add(this.isBeforeWord && /^(?!(?:th|st|nd|rd)\b)\p{L}{2}/u.test(text) ? ` ${text}` : text);
      this.isAfterLetter = /\p{L}$/u.test(text);
      this.isBeforeWord = false;
    }
  }

  private endFormula(): void {
    const text = this.formula?.end() ?? '';
    this.text.add(this.isAfterLetter ? ` ${text}` : text);
    this.isAfterLetter = false;
    this.isBeforeWord = text !== '';
    this.isAfterFormula = this.formula?.hasScript === true && text !== '';
    this.formula = null;
  }

  private endScript({ type, source }: { type: string; source: string }): void {
    if (!this.isAfterFormula) {
      const text = /^math\/mml\b/i.test(type) ? readMathMl(source) : texOf(source);
      this.text.add(/mode\s*=\s*display/i.test(type) ? ` ${text} ` : text);
    }
    this.isAfterFormula = false;
    this.script = null;
  }

  /** Reads the page that an attribute of a frame holds, if the frame is shown. */
  private readFrame({ srcdoc = '', ...attributes }: Record<string, string>): void {
    this.visibility.open('', attributes);
    if (this.visibility.isShown && this.formula === null && this.frames < maxFrames) {
      const { parser } = new HtmlReader(this.text, this.frames + 1);
      this.text.openElement('div', {});
      for (const piece of moveEnds([srcdoc])) {
        parser.write(piece);
      }
      parser.end();
      this.text.closeElement('div');
    }
    this.visibility.close();
  }
}
