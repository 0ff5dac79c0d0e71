import type { ChunkLine } from '../types';
import type { Block } from './block';

/** Headings that name their own kind, from the outermost kind in. */
const namedKinds = [
  /^(?:part|chapter|appendix|exhibit|annex)\s+(?:[\divxlc]+|[a-z])\b/iu,
  /^(?:(?:item|section|article|schedule)\s+(?:[\divxlc]+|[a-z])|signatures?$)/iu,
  /^note\s+\d/iu,
];
/** A numbered heading, such as "2.1 Scope". */
const numbered = /^(\d{1,3}(?:\.\d{1,3})*)\.?\s+\p{L}/u;
/** What follows a title without being part of it: "(continued)", "(in millions)". */
const titleSuffix =
  /\s*[([](?:continued|cont[.'’]d?|(?:dollars |amounts |\$ )?in (?:thousands|millions|billions)[^)\]]*|unaudited)[)\]]$/iu;
/** Sizes that differ by less, in points, are the same. */
const sizeTolerance = 0.5;

/** What decides which of two headings is the outer one. */
export interface Rank {
  /** The depth that the input gave; null when it gave none. */
  level: number | null;
  /** The kind by name or number; a larger number is a deeper kind. Null for any other heading. */
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
  if (inner.kind !== null) {
    // "Part II" or "Item 7" is only inside an outer kind. "2.1" is also inside any larger heading.
    return outer.kind === null ? isLarger && !isNamed(inner.kind) : outer.kind < inner.kind;
  }
  if (isLarger || outer.size < inner.size - sizeTolerance) {
    return outer.size > inner.size || isNamed(outer.kind);
  }
  if (outer.kind !== null) {
    return true;
  }
  if (outer.bold !== inner.bold) {
    return outer.bold;
  }
  return outer.capitals && !inner.capitals;
}

/** The heading's text without a final full stop and without suffixes such as "(continued)". */
export function titleOf(block: Block): string {
  return joinLines(block.lines).replace(titleSuffix, '').replace(/\.$/u, '');
}

/** The lines' texts as one, with single spaces. */
export function joinLines(lines: readonly ChunkLine[]): string {
  return lines
    .map(({ text }) => text)
    .join(' ')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** True for text such as "Part II" or "Note 5": it names the kind of heading it is. */
export function isNamedHeading(text: string): boolean {
  return isNamed(kindOf(text));
}

/** True when the text begins as a named or numbered heading does. */
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
