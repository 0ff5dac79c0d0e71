const separator = ' > ';
const maxDepth = 6;
const maxTitleCharacters = 120;

/** The section path through `titles`, which are given from the outermost in. Null when there are no titles. */
export function pathOf(titles: readonly string[]): string | null {
  return titles.length === 0 ? null : titles.slice(0, maxDepth).join(separator);
}

/** The title as it is written in a path: with single spaces and at most 120 characters. */
export function shortTitle(title: string): string {
  const plain = title.replace(/\s+/gu, ' ').trim();
  return plain.length <= maxTitleCharacters
    ? plain
    : `${plain
        .slice(0, maxTitleCharacters - 1)
        .toWellFormed()
        .trimEnd()}…`;
}
