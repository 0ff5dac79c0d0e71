import { MathElement } from './mathElement';
import { readMathMl } from './readMathMl';

type Attributes = Record<string, string>;

/** The elements around a formula that KaTeX, MathJax and Wikipedia make. Inside, the same formula stands several times. */
const containerClass =
  /(?:^|\s)(?:katex|katex-display|MathJax|MathJax_(?:Display|SVG|SVG_Display|CHTML|Preview)|mjx-chtml|mwe-math-element)(?:\s|$)/;
const displayClass = /(?:^|\s)(?:katex-display|MathJax_Display|MathJax_SVG_Display)(?:\s|$)/;
const previewClass = /(?:^|\s)MathJax_Preview(?:\s|$)/;
/** Elements that no formula contains. MathJax puts formulas into `div`, but no `div` into MathML. */
const blockName = /^(?:p|h[1-6]|table|ul|ol|li|dl|dt|dd|blockquote|pre|hr|section|article)$/;
const glyphClass = /(?:^|\s)mjx-c([0-9A-F]{2,5})(?:\s|$)/;
/** A longer formula probably lacks its end tag. */
const maxLength = 20_000;

/** True for an element that is a formula, or that holds the copies of one. */
export function isFormula(name: string, attributes: Attributes): boolean {
  return name === 'math' || name === 'mjx-container' || containerClass.test(attributes.class ?? '');
}

/**
 * Reads a formula once, from the best of its copies: MathML, TeX or another text for it, and last the text of its glyphs.
 * It takes all events from the element that `isFormula` found to the end of that element.
 */
export class Formula {
  /** True for a formula that MathJax made. Its source may follow in a script. */
  readonly hasScript: boolean;
  private isDisplay: boolean;
  private readonly isPreview: boolean;
  private depth = 0;
  private math: { element: MathElement; depth: number } | null = null;
  private mathText = '';
  private alternative = '';
  private glyphs = '';
  private skippedAt: number | null = null;
  /** False when what was read is not one formula, so that all of it is text. */
  private isWhole = true;

  constructor(name: string, attributes: Attributes) {
    const classes = attributes.class ?? '';
    this.isDisplay = displayClass.test(classes);
    this.isPreview = previewClass.test(classes);
    this.hasScript = name !== 'math' && !classes.includes('katex');
  }

  /** Returns false when the element shows that this is no formula, or that it has ended without an end tag. */
  open(name: string, attributes: Attributes): boolean {
    const isBlock = blockName.test(name) || (name === 'div' && this.math !== null);
    if (isBlock && this.math?.element.takesHtml !== true) {
      this.isWhole = false;
      return false;
    }
    this.depth++;
    this.isDisplay ||= /^(?:block|true)$/.test(attributes.display ?? '') || displayClass.test(attributes.class ?? '');
    this.keepAlternative(attributes);
    if (this.math !== null) {
      this.math.element.openElement(name, attributes);
    } else if (name === 'math') {
      this.math = { element: new MathElement(), depth: this.depth };
    } else if (name === 'script' || name === 'style') {
      this.skippedAt ??= this.depth;
    } else {
      this.addGlyph(attributes['data-c'] ?? glyphClass.exec(attributes.class ?? '')?.[1]);
    }
    return true;
  }

  /** Returns false when the formula has ended. */
  close(): boolean {
    if (this.math?.depth === this.depth) {
      this.endMath();
    } else {
      this.math?.element.closeElement();
    }
    if (this.skippedAt === this.depth) {
      this.skippedAt = null;
    }
    this.depth--;
    return this.depth > 0;
  }

  /** Returns false when the formula is too long to be one. */
  add(text: string): boolean {
    if (this.math !== null) {
      this.math.element.add(text);
    } else if (this.skippedAt === null) {
      this.glyphs += text;
    }
    this.isWhole &&= this.glyphs.length <= maxLength && (this.math?.element.length ?? 0) <= maxLength;
    return this.isWhole;
  }

  /** The formula in one line, with spaces around it when it stands alone. '' when it is only a preview of another. */
  end(): string {
    this.endMath();
    if (!this.isWhole) {
      return `${this.glyphs} ${this.mathText} `;
    }
    const text = this.isPreview ? '' : this.mathText || this.alternative || this.glyphs;
    return this.isDisplay ? ` ${text} ` : text;
  }

  private endMath(): void {
    const text = this.math?.element.end() ?? '';
    this.mathText += this.mathText === '' || text === '' ? text : ` ${text}`;
    this.math = null;
  }

  private keepAlternative(attributes: Attributes): void {
    const { alttext, alt, 'data-mathml': mathMl, 'data-latex': latex, 'aria-label': label } = attributes;
    this.alternative ||= mathMl === undefined ? texOf(alttext ?? latex ?? alt ?? label ?? '') : readMathMl(mathMl);
  }

  private addGlyph(code: string | undefined): void {
    const glyph = code === undefined ? Number.NaN : Number.parseInt(code, 16);
    this.glyphs += glyph <= 0x10ffff ? String.fromCodePoint(glyph).normalize('NFKC') : '';
  }
}

/** TeX without the command that Wikipedia puts around each formula. */
export function texOf(source: string): string {
  const text = source.trim();
  return /^\{\\(?:displaystyle|textstyle)\b\s*([\s\S]*)\}$/u.exec(text)?.[1]?.trim() ?? text;
}
