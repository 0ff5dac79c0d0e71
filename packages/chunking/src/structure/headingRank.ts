import type { ChunkLine } from '../types';
import type { Block } from './block';

/** The kinds of headings that name their own kind, such as "Part II". An outer kind comes before an inner one. */
const namedKinds = [
  /^(?:part|chapter|appendix|exhibit|annex)\s+(?:[\divxlc]+|[a-z])\b/iu,
  /^(?:(?:item|section|article|schedule)\s+(?:[\divxlc]+|[a-z])|signatures?$)/iu,
  /^note\s+\d/iu,
];
/** A numbered heading, such as "2.1 Scope". */
const numbered = /^(\d{1,3}(?:\.\d{1,3})*)\.?\s+\p{L}/u;
/** A suffix that is not part of the title: "(continued)", "(in millions)". */
const titleSuffix =
  /\s*[([](?:continued|cont[.'’]d?|(?:dollars |amounts |\$ )?in (?:thousands|millions|billions)[^)\]]*|unaudited)[)\]]$/iu;
/** Two font sizes count as the same when they differ by at most this many points. */
const sizeTolerance = 0.5;

/** The properties of a heading that decide which of two headings is the outer one. */
export interface Rank {
  /** The heading level in the input; null when the input has none. */
  level: number | null;
  /** The kind, from the heading's name ("Part II") or number ("2.1"); 0 is the outermost. Null for any other heading. */
  kind: number | null;
  size: number;
  bold: boolean;
  capitals: boolean;
}

export function rankOf(block: Block): Rank {
  const [first] = block.lines;
  const text = titleOf(block);
  return {
    level: first?.headingLevel ?? null,
    kind: kindOf(text),
    size: first?.fontSize ?? 0,
    bold: first?.bold ?? false,
    capitals: text === text.toUpperCase(),
  };
}

/** True when a section with the heading `outer` may contain a section with the heading `inner`. */
export function outranks(outer: Rank, inner: Rank): boolean {
  if (outer.level !== null && inner.level !== null) {
    return outer.level < inner.level;
  }
  const isLarger = outer.size > inner.size + sizeTolerance;
  const isSmaller = outer.size < inner.size - sizeTolerance;
  if (inner.kind !== null) {
    // "Part II" or "Item 7" is only inside an outer kind. "2.1" is also inside any larger heading.
    return outer.kind === null ? isLarger && !isNamed(inner.kind) : outer.kind < inner.kind;
  }
  // The inner heading has neither name nor number. It is inside a named one, even one in smaller type.
  if (isLarger || isSmaller) {
    return isLarger || isNamed(outer.kind);
  }
  if (outer.kind !== null) {
    return true;
  }
  if (outer.bold !== inner.bold) {
    return outer.bold;
  }
  return outer.capitals && !inner.capitals;
}

/** Returns the heading's text without its final full stop and without a suffix such as "(continued)". */
export function titleOf(block: Block): string {
  return joinLines(block.lines).replace(titleSuffix, '').replace(/\.$/u, '');
}

/** Joins the texts of the lines with single spaces. */
export function joinLines(lines: readonly ChunkLine[]): string {
  return lines
    .map(({ text }) => text)
    .join(' ')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** True for the text of a heading that names its own kind, such as "Part II" or "Note 5". */
export function isNamedHeading(text: string): boolean {
  return isNamed(kindOf(text));
}

/** True for the text of a named or numbered heading. */
export function hasHeadingKind(text: string): boolean {
  return kindOf(text) !== null;
}

function isNamed(kind: number | null): boolean {
  return kind !== null && kind < namedKinds.length;
}

function kindOf(text: string): number | null {
  const named = namedKinds.findIndex((kind) => kind.test(text));
  if (named >= 0) {
    return named;
  }
  const depth = numbered.exec(text)?.[1]?.split('.').length;
  return depth === undefined ? null : namedKinds.length - 1 + depth;
}
