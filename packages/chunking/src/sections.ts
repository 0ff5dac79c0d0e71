import type { Block } from './blocks';
import { outranks, type Rank, rankOf, titleOf } from './headings';
import { OutlineNamer } from './outline';
import { pathOf, type SectionNamer, shorten } from './paths';
import type { ChunkOutlineEntry, ChunkPage } from './types';

/**
 * Names sections after the outline where it divides the document, else after the headings on the pages; an outline of
 * one entry stands over those.
 */
export function sectionNamer(outline: readonly ChunkOutlineEntry[] | undefined): SectionNamer {
  const placed = (outline ?? []).filter((entry) => entry.page !== null);
  return outline !== undefined && placed.length > 1 ? new OutlineNamer(outline) : new HeadingNamer(placed[0]);
}

/**
 * Sets where sections begin. A heading that stands right before the beginning of one goes with it: a title that the
 * outline does not name, or one that is repeated above the first heading of a page.
 * @param section The one of the block before these.
 * @returns the one of the last of these.
 */
export function markStarts(blocks: readonly Block[], section: string | null): string | null {
  let last = section;
  for (const block of blocks) {
    block.startsSection = block.section !== last;
    last = block.section;
  }
  let next: Block | undefined;
  for (const block of [...blocks].reverse()) {
    if (next?.startsSection === true && block.heading && !block.startsSection) {
      block.startsSection = true;
      block.section = next.section;
    }
    next = block;
  }
  return last;
}

class HeadingNamer implements SectionNamer {
  private stack: { rank: Rank; title: string }[] = [];
  private readonly root: string | null;

  constructor(private readonly rootEntry: ChunkOutlineEntry | undefined) {
    this.root = rootEntry === undefined ? null : shorten(rootEntry.title);
  }

  startsOn(): ReadonlyMap<number, boolean> {
    return new Map();
  }

  name(page: ChunkPage, blocks: readonly Block[]): void {
    const root = this.root !== null && page.page >= (this.rootEntry?.page ?? 1) ? [this.root] : [];
    for (const block of blocks) {
      if (block.heading) {
        this.open(block);
      }
      const titles = this.stack.map((entry) => entry.title);
      block.section = pathOf(titles[0] === root[0] ? titles : [...root, ...titles]);
    }
  }

  private open(block: Block): void {
    const title = shorten(titleOf(block));
    // A heading is repeated where its section goes on.
    if (this.stack.some((entry) => entry.title === title)) {
      return;
    }
    const rank = rankOf(block);
    this.stack = this.stack.filter((entry) => outranks(entry.rank, rank));
    this.stack.push({ rank, title });
  }
}
