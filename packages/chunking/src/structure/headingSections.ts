import type { ChunkOutlineEntry, ChunkPage } from '../types';
import type { Block } from './block';
import { outranks, type Rank, rankOf, titleOf } from './headingRank';
import type { SectionNamer } from './sectionNamer';
import { pathOf, shortTitle } from './sectionPath';

/** Names sections by the headings on the pages. */
export class HeadingSections implements SectionNamer {
  private openSections: { rank: Rank; title: string }[] = [];
  private readonly rootTitle: string | null;

  /** @param root The outline's only entry. From its page on, it is the outermost section. */
  constructor(private readonly root: ChunkOutlineEntry | undefined) {
    this.rootTitle = root === undefined ? null : shortTitle(root.title);
  }

  blockStarts(): ReadonlyMap<number, boolean> {
    return new Map();
  }

  setSections(page: ChunkPage, blocks: readonly Block[]): void {
    const root = this.rootTitle !== null && page.page >= (this.root?.page ?? 1) ? [this.rootTitle] : [];
    for (const block of blocks) {
      if (block.isHeading) {
        this.open(block);
      }
      const titles = this.openSections.map((section) => section.title);
      block.section = pathOf(titles[0] === root[0] ? titles : [...root, ...titles]);
    }
  }

  private open(block: Block): void {
    const title = shortTitle(titleOf(block));
    // A heading that is repeated on the next page continues its section.
    if (this.openSections.some((section) => section.title === title)) {
      return;
    }
    const rank = rankOf(block);
    this.openSections = this.openSections.filter((section) => outranks(section.rank, rank));
    this.openSections.push({ rank, title });
  }
}
