import type { BlockKind } from '@millrace/contracts';
import type { ChunkLine } from '../types';

/** A paragraph, a table or a heading: lines of one page that belong together. */
export interface Block {
  page: number;
  lines: ChunkLine[];
  /** True for a table and for preformatted text: each line stays a line. Otherwise the lines are one flowing text. */
  isTable: boolean;
  isHeading: boolean;
  /** True for an item of a list. */
  isItem: boolean;
  /** True when the block should stay with the next one: a heading, or a line such as "as follows:". */
  introduces: boolean;
  /** True when the block continues the last paragraph of the page or column before. */
  continues: boolean;
  /** The section path, such as "Part I > Item 1". Null outside of all sections. */
  section: string | null;
  /** True for the first block of a section. */
  startsSection: boolean;
}

export function newBlock(page: number, isTable: boolean): Block {
  return {
    page,
    lines: [],
    isTable,
    isHeading: false,
    isItem: false,
    introduces: false,
    continues: false,
    section: null,
    startsSection: false,
  };
}

export function kindOf({ isHeading, isTable, isItem, lines }: Block): BlockKind {
  const isCode = lines[0]?.preformatted === true;
  return isHeading ? 'heading' : isCode ? 'code' : isTable ? 'table' : isItem ? 'list' : 'paragraph';
}
