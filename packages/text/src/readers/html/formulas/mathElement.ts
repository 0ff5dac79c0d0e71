import { combine, type MathPart, rowOf, tokenOf } from './linearMath';

const tokenNames = new Set(['mi', 'mn', 'mo', 'mtext', 'ms']);
/** Elements of which only the first child is the formula. */
const firstChildOnly = new Set(['semantics', 'maction']);
/** A deeper formula is read as a row. No formula of people is so deep. */
const maxDepth = 500;

interface Node {
  name: string;
  attributes: Record<string, string>;
  parts: MathPart[];
  text: string;
}

/** Reads a MathML element into one line, such as "x = (−b ± √(b^2 − 4ac))/(2a)". */
export class MathElement {
  private readonly open: Node[] = [];
  private readonly root: Node = { name: 'math', attributes: {}, parts: [], text: '' };
  /** The depth inside an annotation or an element that is not shown; 0 outside. */
  private skipped = 0;
  private tex = '';
  private isTex = false;

  /** How many characters were read. */
  length = 0;

  openElement(name: string, attributes: Record<string, string>): void {
    if (this.skipped > 0 || name === 'mphantom' || name.startsWith('annotation')) {
      this.isTex ||= this.skipped === 0 && name === 'annotation' && /\btex\b/i.test(attributes.encoding ?? '');
      this.skipped++;
      return;
    }
    this.open.push({ name, attributes, parts: [], text: '' });
  }

  closeElement(): void {
    if (this.skipped > 0) {
      this.skipped--;
      this.isTex &&= this.skipped > 0;
      return;
    }
    const node = this.open.pop();
    if (node !== undefined) {
      const part = partOf(this.open.length > maxDepth ? { ...node, name: 'mrow' } : node);
      (this.open.at(-1) ?? this.root).parts.push(part);
    }
  }

  /** True where an HTML element is part of the formula. Elsewhere it shows that the formula lacks its end tag. */
  get takesHtml(): boolean {
    return this.skipped > 0 || tokenNames.has(this.open.at(-1)?.name ?? '');
  }

  add(text: string): void {
    this.length += text.length;
    if (this.isTex) {
      this.tex += text;
    } else if (this.skipped === 0) {
      (this.open.at(-1) ?? this.root).text += text;
    }
  }

  /** The formula, or its TeX source when it has no presentation. '' when it has neither. */
  end(): string {
    while (this.open.length > 0 || this.skipped > 0) {
      this.closeElement();
    }
    return rowOf(this.root.parts).text || this.root.text.trim() || this.tex.trim();
  }
}

function partOf({ name, attributes, parts, text }: Node): MathPart {
  if (tokenNames.has(name)) {
    return tokenOf(name, text + parts.map((part) => part.text).join(''));
  }
  if (firstChildOnly.has(name)) {
    return parts[0] ?? { text: '', kind: 'group' };
  }
  // Text directly in a row is not MathML, but browsers show it.
  const loose: MathPart[] = text.trim() === '' ? [] : [{ text: text.trim(), kind: 'word' }];
  return combine(name, attributes, [...parts, ...loose]);
}
