import type { ChunkPage } from '../types';
import type { Block } from './block';

/** Sets the section path of blocks. Pages come in order; for each page `startsOn` is called before `name`. */
export interface SectionNamer {
  /** Returns the indices of the page's lines that must begin a block, and whether that block is a heading. */
  startsOn(page: ChunkPage): ReadonlyMap<number, boolean>;
  /** Sets `section` of the page's blocks. */
  name(page: ChunkPage, blocks: readonly Block[]): void;
}
