import type { Box } from '@millrace/contracts';
import type { Block } from '../structure/block';
import type { Word } from './word';

/** Returns a box for each block, around the lines that the words come from. Lines without a place have no box. */
export function boxesOf(words: readonly Word[]): Box[] {
  const boxes: Box[] = [];
  let block: Block | null = null;
  let box: Box | null = null;
  for (const word of words) {
    const { line } = word;
    if (line.x0 === line.x1 && line.y0 === line.y1) {
      continue;
    }
    if (box === null || word.block !== block) {
      block = word.block;
      box = { page: block.page, x0: line.x0, y0: line.y0, x1: line.x1, y1: line.y1 };
      boxes.push(box);
    } else {
      box.x0 = Math.min(box.x0, line.x0);
      box.y0 = Math.min(box.y0, line.y0);
      box.x1 = Math.max(box.x1, line.x1);
      box.y1 = Math.max(box.y1, line.y1);
    }
  }
  return boxes;
}
