/** A part of a formula in linear form. */
export interface MathPart {
  text: string;
  /** What decides the spaces around it. A group is anything that consists of several parts. */
  kind: 'operator' | 'word' | 'symbol' | 'group';
}

/** The operators of MathML that are not shown. */
const invisibleOperator = /^[\u2061-\u2064]?$/u;
/** Relations and operators that stand between two operands. */
const infix = /^(?:[-+*±∓×÷·∘∪∩∧∨→←↔⇒⇐⇔↦⟶⟹]|:=|[^\P{Sm}√∛∜∑∏∐∫∬∭∮∂∇¬∀∃∞|¦]+|[∷≔])$/u;
const closing = /^[)\]}⟩⌉⌋|!′″‴]$/u;
const bigOperator = /^(?:[∑∏∐∫∬∭∮⋃⋂⨁⨂]|lim|max|min|sup|inf|arg ?max|arg ?min)$/u;
/** Signs that may stand before an operand. */
const sign = /^[-+−±∓]$/u;
const dots = /^[…⋯⋮⋱⋰]$/u;
const prime = /^[′″‴'*†∗]+$/u;
/** The accents that are written over a symbol, and how they combine with it. */
const accents = new Map([
  ['^', '\u0302'],
  ['ˆ', '\u0302'],
  ['~', '\u0303'],
  ['˜', '\u0303'],
  ['¯', '\u0304'],
  ['‾', '\u0304'],
  ['˙', '\u0307'],
  ['¨', '\u0308'],
  ['→', '\u20D7'],
]);
const mathLetter = /[\u{1D400}-\u{1D7FF}]/gu;

/** Returns a token element (`mi`, `mn`, `mo`, `mtext`, `ms`). Letters of mathematical alphabets become usual letters. */
export function tokenOf(name: string, source: string): MathPart {
  const text = source
    .replace(mathLetter, (letter) => letter.normalize('NFKC'))
    .replace(/\s+/gu, ' ')
    .trim();
  if (name === 'mo' && !dots.test(text)) {
    return { text: invisibleOperator.test(text) ? '' : text, kind: 'operator' };
  }
  return { text, kind: name === 'mtext' || /^\p{L}{2,}$/u.test(text) ? 'word' : 'symbol' };
}

/** Joins parts to a row: spaces stand around operators between operands, and between words. */
export function rowOf(parts: readonly MathPart[]): MathPart {
  const shown = parts.filter(({ text }) => text !== '');
  const [only] = shown;
  if (only !== undefined && shown.length === 1) {
    return only;
  }
  let text = '';
  let before: MathPart | null = null;
  for (const part of shown) {
    text += spaceBetween(before, part) + part.text;
    before = sign.test(part.text) && !isOperand(before) ? { ...part, kind: 'symbol' } : part;
  }
  return { text, kind: 'group' };
}

function spaceBetween(before: MathPart | null, part: MathPart): string {
  if (before === null) {
    return '';
  }
  if (isInfix(part)) {
    return isOperand(before) || isInfix(before) ? ' ' : '';
  }
  if (before.kind === 'operator') {
    return isInfix(before) || /^[,;:]$/u.test(before.text) ? ' ' : '';
  }
  if (part.kind === 'operator') {
    return '';
  }
  // Without a space, "1/c x" and "a_k b_k" would mean something else, and words would run together.
  const touch = /[\p{L}\p{N})∞]$/u.test(before.text) && /^[\p{L}\p{N}√]/u.test(part.text);
  const areWords =
    before.kind === 'word' || part.kind === 'word' || (/\d$/u.test(before.text) && /^\d/u.test(part.text));
  return before.text.includes('/') || (touch && (areWords || /[_^]/u.test(before.text))) ? ' ' : '';
}

function isInfix({ kind, text }: MathPart): boolean {
  return kind === 'operator' && infix.test(text);
}

/** True when an operator after the part stands between two operands. */
function isOperand(part: MathPart | null): boolean {
  return part !== null && (part.kind !== 'operator' || closing.test(part.text));
}

/** Writes a fraction, a power, a root and the like. */
export function combine(name: string, attributes: Record<string, string>, parts: readonly MathPart[]): MathPart {
  const [base = empty, second = empty, third = empty] = parts;
  switch (name) {
    case 'mfrac':
      return /^0(?:\D|$)/u.test(attributes.linethickness ?? '')
        ? { text: `${base.text} choose ${second.text}`, kind: 'group' }
        : { text: `${grouped(base)}/${grouped(second)}`, kind: 'group' };
    case 'msqrt':
      return { text: `√${grouped(rowOf(parts))}`, kind: 'symbol' };
    case 'mroot':
      return { text: `√[${second.text}]${grouped(base)}`, kind: 'symbol' };
    case 'msup':
      return script(base, null, second);
    case 'msub':
      return script(base, second, null);
    case 'msubsup':
    case 'munderover':
      return script(base, second, third);
    case 'munder':
      return script(base, second, null);
    case 'mover':
      return over(base, second);
    case 'mmultiscripts':
      return script(base, second, third);
    case 'mtable':
      return { text: parts.map(({ text }) => text).join('; '), kind: 'group' };
    case 'mtr':
    case 'mlabeledtr':
      return {
        text: parts
          .map(({ text }) => text)
          .join(' ')
          .trim(),
        kind: 'group',
      };
    case 'mfenced': {
      const separator = (attributes.separators ?? ',').trim().slice(0, 1);
      const inside = parts.map(({ text }) => text).join(separator === '' ? '' : `${separator} `);
      return { text: `${attributes.open ?? '('}${inside}${attributes.close ?? ')'}`, kind: 'symbol' };
    }
    default:
      return rowOf(parts);
  }
}

const empty: MathPart = { text: '', kind: 'group' };

function script(base: MathPart, sub: MathPart | null, sup: MathPart | null): MathPart {
  const isBig = bigOperator.test(base.text);
  let text = base.kind === 'group' ? grouped(base) : base.text;
  if (sub !== null && sub.text !== '') {
    text += `_${grouped(sub)}`;
  }
  if (sup !== null && sup.text !== '') {
    text += prime.test(sup.text) ? sup.text : `^${grouped(sup)}`;
  }
  return { text, kind: isBig || base.kind === 'word' ? 'word' : base.kind === 'operator' ? 'operator' : 'symbol' };
}

function over(base: MathPart, accent: MathPart): MathPart {
  const mark = accents.get(accent.text);
  return mark !== undefined && [...base.text].length === 1
    ? { text: (base.text + mark).normalize('NFC'), kind: 'symbol' }
    : script(base, null, accent);
}

/** The text in parentheses when it has several parts and no parentheses of its own. */
function grouped({ text, kind }: MathPart): string {
  return kind !== 'group' || isFenced(text) ? text : `(${text})`;
}

/** True when the first parenthesis is closed by the last character. */
function isFenced(text: string): boolean {
  if (!text.startsWith('(') || !text.endsWith(')')) {
    return false;
  }
  let depth = 0;
  for (let index = 0; index < text.length - 1; index++) {
    depth += text[index] === '(' ? 1 : text[index] === ')' ? -1 : 0;
    if (depth === 0) {
      return false;
    }
  }
  return true;
}
