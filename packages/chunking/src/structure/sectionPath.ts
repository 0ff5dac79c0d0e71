const separator = ' > ';
const maxDepth = 6;
const maxTitleCharacters = 120;

/** Returns the section path of `titles`. The outermost title comes first. Returns null when there are no titles. */
export function pathOf(titles: readonly string[]): string | null {
  return titles.length === 0 ? null : titles.slice(0, maxDepth).join(separator);
}

/** Returns the path of a section, which begins with the name of its part of the document. Null when both are. */
export function pathInPart(part: string | null, section: string | null): string | null {
  return pathOf([part, section].filter((each) => each !== null));
}

/** Returns the title as a path shows it: with single spaces, and cut to 120 characters. */
export function shortTitle(title: string): string {
  const plain = title.replace(/\s+/gu, ' ').trim();
  return plain.length <= maxTitleCharacters
    ? plain
    : `${plain
        .slice(0, maxTitleCharacters - 1)
        .toWellFormed()
        .trimEnd()}…`;
}
