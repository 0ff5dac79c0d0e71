import type { Block } from './blocks';
import type { ChunkPage } from './types';

const separator = ' > ';
const maxDepth = 6;
const maxTitle = 120;

/** Names the section that blocks stand under. Pages come in order. */
export interface SectionNamer {
  /** The lines of the page that must begin a block, and whether that block is a heading. */
  startsOn(page: ChunkPage): ReadonlyMap<number, boolean>;
  /** Sets `section` of the page's blocks. */
  name(page: ChunkPage, blocks: readonly Block[]): void;
}

/** The path through `titles`, from the outermost in; null when there are none. */
export function pathOf(titles: readonly string[]): string | null {
  return titles.length === 0 ? null : titles.slice(0, maxDepth).join(separator);
}

/** A title as it stands in a path. */
export function shorten(title: string): string {
  const plain = title.replace(/\s+/gu, ' ').trim();
  return plain.length <= maxTitle
    ? plain
    : `${plain
        .slice(0, maxTitle - 1)
        .toWellFormed()
        .trimEnd()}…`;
}
