import type { ChunkOutlineEntry } from '../types';
import type { Block } from './block';
import { HeadingSections } from './headingSections';
import { OutlineSections } from './outlineSections';
import type { SectionNamer } from './sectionNamer';

/**
 * Names sections by the outline when it divides the document. Otherwise it names them by the headings on the pages; the
 * only entry of an outline is then the outermost section.
 */
export function sectionNamer(outline: readonly ChunkOutlineEntry[] = []): SectionNamer {
  const placed = outline.filter((entry) => entry.page !== null);
  return placed.length > 1 ? new OutlineSections(outline) : new HeadingSections(placed[0]);
}

/**
 * Marks the blocks that begin a section. Headings right before the first block of a section become part of it. Examples
 * are a title that the outline leaves out and a title that is repeated at the top of a page.
 * @param section The section of the block before these.
 * @returns the section of the last block.
 */
export function markSectionStarts(blocks: readonly Block[], section: string | null): string | null {
  let last = section;
  for (const block of blocks) {
    block.startsSection = block.section !== last;
    last = block.section;
  }
  let next: Block | undefined;
  for (const block of [...blocks].reverse()) {
    if (next?.startsSection === true && block.isHeading && !block.startsSection) {
      block.startsSection = true;
      block.section = next.section;
    }
    next = block;
  }
  return last;
}
