import type { Numbering } from '../listMarkers';

type Attributes = Record<string, string>;

const styleTypes: Record<string, string> = {
  decimal: '1',
  'lower-alpha': 'a',
  'lower-latin': 'a',
  'upper-alpha': 'A',
  'upper-latin': 'A',
  'lower-roman': 'i',
  'upper-roman': 'I',
};
const listStyle = /(?:^|;)\s*list-style(?:-type)?\s*:[^;]*?\b(decimal|(?:lower|upper)-(?:alpha|latin|roman))\b/i;

/**
 * How an `ol` counts. Null for a list that counts down from the number of its items: that is known only at its end, and a wrong
 * number is worse than a bullet.
 */
export function numberingOf(attributes: Attributes): Numbering | null {
  const start = integerOf(attributes.start);
  const isReversed = 'reversed' in attributes;
  const [, style = ''] = listStyle.exec(attributes.style ?? '') ?? [];
  if (isReversed && start === null) {
    return null;
  }
  return {
    start: start ?? 1,
    step: isReversed ? -1 : 1,
    type: styleTypes[style.toLowerCase()] ?? attributes.type ?? '1',
  };
}

/** The whole number that an attribute begins with, as browsers read it; null when there is none. */
export function integerOf(value: string | undefined): number | null {
  const number = Number.parseInt(value ?? '', 10);
  return Number.isSafeInteger(number) ? number : null;
}
