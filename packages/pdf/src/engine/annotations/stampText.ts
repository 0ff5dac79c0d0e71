/** The stamps that every viewer can draw (ISO 32000-2, table 184), by their names in a file. */
const stamps = new Set([
  'Approved',
  'Experimental',
  'NotApproved',
  'AsIs',
  'Expired',
  'NotForPublicRelease',
  'Confidential',
  'Final',
  'Sold',
  'Departmental',
  'ForComment',
  'TopSecret',
  'Draft',
  'ForPublicRelease',
]);

/** The words that a viewer draws for a stamp without an appearance. Empty for a stamp that only its own program knows. */
export function stampText(name: string): string {
  const known = name === '' ? 'Draft' : name;
  return stamps.has(known) ? known.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase() : '';
}
