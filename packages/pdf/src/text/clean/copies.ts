import type { PageCharacters } from '../pageCharacters';
import { kind } from '../pageCharacters';

/** Copies of a letter for bold, a shadow or a halo are at most this far apart along the line: in widths of the letter ... */
const maxShift = 0.6;
/** ... and in font sizes. The narrowest letter that may be written twice, as in "ill", is about 0.2 wide. */
export const maxCopyShift = 0.13;
/** Across the line, in font sizes. */
const maxRise = 0.2;
/** So many letters of one kind in one place are no text. */
const maxInCell = 50;
/** Copies have the same size. A large letter over a small one is another text. */
const maxSizeRatio = 1.2;

/**
 * Removes the copies of letters that are drawn again at nearly the same place. What is painted stays before what is hidden.
 * @returns true when there were any.
 */
export function removeCopies(characters: PageCharacters): boolean {
  const glyphs = Array.from({ length: characters.count }, (_, index) => index).filter((at) => characters.isGlyph(at));
  const seen = new LetterGrid(characters);
  const copied = new Map<number, number>();
  for (const isHidden of [false, true]) {
    for (const index of glyphs) {
      if (characters.runAt(index).hidden === isHidden) {
        const original = seen.findCopied(index);
        if (original === undefined) {
          seen.add(index);
        } else {
          copied.set(index, original);
        }
      }
    }
  }
  // Where two different texts lie over each other, single letters may meet by chance.
  const removed = glyphs.filter((index, at) => {
    const original = copied.get(index);
    const [before = -1, after = -1] = [glyphs[at - 1], glyphs[at + 1]];
    return original !== undefined && (original === before || copied.has(before) || copied.has(after));
  });
  removeGlyphs(characters, new Set(removed));
  return removed.length > 0;
}

/** Removes these glyphs, and the spaces that the engine inferred beside them. */
export function removeGlyphs(characters: PageCharacters, removed: ReadonlySet<number>): void {
  if (removed.size === 0) {
    return;
  }
  const order: number[] = [];
  let isAfterRemoved = false;
  for (let index = 0; index < characters.count; index++) {
    if (removed.has(index)) {
      isAfterRemoved = true;
      while (characters.kind[order.at(-1) ?? -1] === kind.inferredSpace) {
        order.pop();
      }
    } else if (!(isAfterRemoved && characters.kind[index] === kind.inferredSpace)) {
      isAfterRemoved = false;
      order.push(index);
    }
  }
  characters.rearrange(order);
}

/** What the letters of a run have in common when they may be copies of each other. */
interface Group {
  number: number;
  /** The size of a cell, in points. */
  step: number;
}

/** Finds letters by their place. */
class LetterGrid {
  /** By the hash of letter, group and cell. What else has the same hash is too far away to be a copy, or another letter. */
  private readonly cells = new Map<number, number[]>();
  private readonly groups = new Map<string, Group>();
  private readonly groupByRun: Group[] = [];

  constructor(private readonly characters: PageCharacters) {}

  add(index: number): void {
    const key = this.keyOf(index, 0, 0);
    const cell = this.cells.get(key);
    if (cell === undefined) {
      this.cells.set(key, [index]);
    } else if (cell.length < maxInCell) {
      cell.push(index);
    }
  }

  /** The letter that the one at `index` is a copy of. */
  findCopied(index: number): number | undefined {
    for (let column = -1; column <= 1; column++) {
      for (let row = -1; row <= 1; row++) {
        const cell = this.cells.get(this.keyOf(index, column, row));
        const original = cell?.find((other) => this.areCopies(other, index));
        if (original !== undefined) {
          return original;
        }
      }
    }
    return undefined;
  }

  /** Cells are as large as a letter may be shifted, so that copies are in neighbouring cells. */
  private keyOf(index: number, column: number, row: number): number {
    const { code, left, baseline } = this.characters;
    const { number, step } = this.groupOf(index);
    const x = Math.floor((left[index] as number) / step) + column;
    const y = Math.floor((baseline[index] as number) / step) + row;
    return (
      Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77) ^ Math.imul((code[index] as number) + number, 0xc2b2ae3d)
    );
  }

  private groupOf(index: number): Group {
    const run = this.characters.run[index] as number;
    const known = this.groupByRun[run];
    if (known !== undefined) {
      return known;
    }
    const { size, direction, skew } = this.characters.runAt(index);
    const step = 2 ** Math.round(Math.log2(Math.max(size, 1)));
    const key = `${direction} ${skew} ${step}`;
    const group = this.groups.get(key) ?? { number: this.groups.size * 0x200000, step };
    this.groups.set(key, group);
    this.groupByRun[run] = group;
    return group;
  }

  private areCopies(one: number, other: number): boolean {
    const { code, left, right, baseline, run } = this.characters;
    if (code[one] !== code[other] || this.groupOf(one) !== this.groupOf(other)) {
      return false;
    }
    const [size, otherSize] = [this.characters.runAt(one).size, this.characters.runAt(other).size];
    const width = (right[one] as number) - (left[one] as number);
    const shift = Math.abs((left[one] as number) - (left[other] as number));
    const rise = Math.abs((baseline[one] as number) - (baseline[other] as number));
    if (shift === 0 && rise === 0 && run[one] === run[other] && Math.abs(one - other) <= 2) {
      // Letters of a ligature.
      return false;
    }
    return (
      Math.max(size, otherSize) < maxSizeRatio * Math.min(size, otherSize) &&
      shift <= Math.min(maxShift * width, maxCopyShift * size) &&
      rise <= maxRise * size
    );
  }
}
