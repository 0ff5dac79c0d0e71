const hiddenNames = new Set([
  'script',
  'style',
  'nav',
  'noscript',
  'template',
  'svg',
  'math',
  'iframe',
  'object',
  // The header of inline XBRL contains megabytes of numbers for machines.
  'ix:header',
]);
const displayNone = /(?:^|;)\s*display\s*:\s*none\b/i;

/**
 * True for an element whose content is not read, because a browser does not show it or because it is not text. The page
 * itself (`html`, `body`) is always read: a script may show a page that is hidden at first.
 */
export function isHidden(name: string, attributes: Record<string, string>): boolean {
  if (hiddenNames.has(name)) {
    return true;
  }
  return name !== 'html' && name !== 'body' && ('hidden' in attributes || displayNone.test(attributes.style ?? ''));
}
