import type { ChunkPage } from '../types';
import type { Block } from './block';

/** Sets the section path of blocks. Call both methods for each page, in this order, and take the pages in order. */
export interface SectionNamer {
  /** Returns the indices of the lines that must begin a block. The value is true when that block is a heading. */
  blockStarts(page: ChunkPage): ReadonlyMap<number, boolean>;
  /** Sets `section` of the page's blocks. */
  setSections(page: ChunkPage, blocks: readonly Block[]): void;
}
