type Attributes = Record<string, string>;

/** How white space is shown: kept, kept while lines are wrapped, or only its line breaks are kept. */
export type WhiteSpace = 'kept' | 'wrapped' | 'lines';

const preformattedNames = new Set(['pre', 'listing', 'plaintext', 'textarea', 'xmp']);
const whiteSpaceStyle = /(?:^|;)\s*white-space(?:-collapse)?\s*:\s*([a-z-]+)/gi;
const whiteSpaces: Record<string, WhiteSpace> = {
  pre: 'kept',
  'pre-wrap': 'wrapped',
  'break-spaces': 'wrapped',
  preserve: 'wrapped',
  'pre-line': 'lines',
  'preserve-breaks': 'lines',
};
const blockStyle = /(?:^|;)\s*display\s*:\s*(?:block|flex|grid|list-item|flow-root|table|table-row)\b/i;

/** How an element shows white space; null when it does so as the element around it. */
export function whiteSpaceOf(name: string, { style = '' }: Attributes): WhiteSpace | 'collapsed' | null {
  const value = [...style.matchAll(whiteSpaceStyle)].at(-1)?.[1]?.toLowerCase();
  if (value === undefined || value === 'inherit') {
    return preformattedNames.has(name) ? 'kept' : null;
  }
  const space = whiteSpaces[value] ?? 'collapsed';
  return space === 'wrapped' && preformattedNames.has(name) ? 'kept' : space;
}

/** True for an element that a style makes a block. */
export function isStyledBlock({ style }: Attributes): boolean {
  return style !== undefined && blockStyle.test(style);
}
