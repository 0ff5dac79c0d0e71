/** The direction of text on the shown page, in quarter turns clockwise: 0 is left to right, 1 is downwards. */
export type Direction = 0 | 1 | 2 | 3;

/** The kinds of entries in PageCharacters. */
export const kind = {
  /** A character with a place on the page. */
  glyph: 0,
  /** A drawn space between two glyphs. */
  space: 1,
  /** A line break that the engine inferred. It is wrong around superscripts. */
  lineBreak: 2,
  /** A glyph that the engine takes for a hyphen that splits a word at the end of a line. */
  lineEndHyphen: 3,
  /** A space that is not drawn. The engine inferred it from the gap, or from what it takes for one. */
  inferredSpace: 4,
} as const;

/** The properties that all characters of one text object share. */
export interface Run {
  direction: Direction;
  /** The rest of the text's angle beyond `direction`, in radians clockwise; 0 for nearly all text. */
  skew: number;
  bold: boolean;
  /** Font size in points. */
  size: number;
  /** True for text that is not painted, such as the text layer of a scan. */
  hidden: boolean;
}

/**
 * The characters of a page in the order of the content stream, in parallel arrays that are reused for each page.
 *
 * Places are in points, in the frame of the text: the page is turned so that the text runs from left to right, and `top`
 * and `baseline` grow from one line to the next. Lines are then built in the same way for every direction and angle.
 */
export class PageCharacters {
  count = 0;
  code = new Uint32Array(0);
  kind = new Uint8Array(0);
  /** The index of a glyph's run in `runs`. */
  run = new Uint32Array(0);
  runs: Run[] = [];
  left = new Float32Array(0);
  right = new Float32Array(0);
  top = new Float32Array(0);
  bottom = new Float32Array(0);
  baseline = new Float32Array(0);
  /** True when a script that runs from right to left is among the characters. */
  hasRightToLeft = false;

  /** Empties the arrays and makes room for `capacity` characters. */
  reserve(capacity: number): void {
    this.count = 0;
    this.runs = [];
    this.hasRightToLeft = false;
    if (this.code.length >= capacity) {
      return;
    }
    const length = Math.max(capacity, this.code.length * 2, 4096);
    this.code = new Uint32Array(length);
    this.kind = new Uint8Array(length);
    this.run = new Uint32Array(length);
    this.left = new Float32Array(length);
    this.right = new Float32Array(length);
    this.top = new Float32Array(length);
    this.bottom = new Float32Array(length);
    this.baseline = new Float32Array(length);
  }

  /** Makes room for `more` characters behind the present ones, which stay. */
  extend(more: number): void {
    const { count, runs, hasRightToLeft, code, kind: kinds, run, left, right, top, bottom, baseline } = this;
    if (code.length >= count + more) {
      return;
    }
    this.reserve(count + more);
    this.count = count;
    this.runs = runs;
    this.hasRightToLeft = hasRightToLeft;
    this.code.set(code);
    this.kind.set(kinds);
    this.run.set(run);
    this.left.set(left);
    this.right.set(right);
    this.top.set(top);
    this.bottom.set(bottom);
    this.baseline.set(baseline);
  }

  /** Keeps only the entries of `order`, in that order. */
  rearrange(order: readonly number[]): void {
    this.code = taken(this.code, order);
    this.kind = taken(this.kind, order);
    this.run = taken(this.run, order);
    this.left = taken(this.left, order);
    this.right = taken(this.right, order);
    this.top = taken(this.top, order);
    this.bottom = taken(this.bottom, order);
    this.baseline = taken(this.baseline, order);
    this.count = order.length;
  }

  isGlyph(index: number): boolean {
    const entry = this.kind[index];
    return entry === kind.glyph || entry === kind.lineEndHyphen;
  }

  /** The run of the glyph at `index`. */
  runAt(index: number): Run {
    return this.runs[this.run[index] as number] as Run;
  }
}

/** Returns an array of the same length that begins with the elements at `order`. */
function taken<T extends Uint8Array | Uint32Array | Float32Array>(array: T, order: readonly number[]): T {
  const result = new (array.constructor as new (length: number) => T)(array.length);
  for (let at = 0; at < order.length; at++) {
    result[at] = array[order[at] as number] as number;
  }
  return result;
}
