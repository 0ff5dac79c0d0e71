/** How a list counts. */
export interface Numbering {
  start: number;
  /** 1, or -1 in a list that counts down. */
  step: 1 | -1;
  /** `1`, `a`, `A`, `i` or `I`. */
  type: string;
}

/** One open list. The next number is null where only bullets are shown. */
interface List {
  next: number | null;
  step: 1 | -1;
  type: string;
}

/** Gives list items their markers: a bullet, or the next number of the innermost list. */
export class ListMarkers {
  /** The open lists, the outermost first. */
  private readonly lists: List[] = [];
  private marker = '';

  /** @param numbering The first number, or how the list counts, or null for bullets. */
  openList(numbering: number | Numbering | null): void {
    if (numbering === null || typeof numbering === 'number') {
      this.lists.push({ next: numbering, step: 1, type: '1' });
    } else {
      this.lists.push({ next: numbering.start, step: numbering.step, type: numbering.type });
    }
  }

  closeList(): void {
    this.lists.pop();
    this.marker = '';
  }

  /** @param value The item's own number. The items after it count on from there. */
  startItem(value: number | null = null): void {
    const list = this.lists.at(-1);
    if (list === undefined || list.next === null) {
      this.marker = '• ';
      return;
    }
    const number = value ?? list.next;
    list.next = number + list.step;
    this.marker = `${numeral(number, list.type)}. `;
  }

  /** An item without text loses its marker. */
  endItem(): void {
    this.marker = '';
  }

  /** The marker for the first text of an item; '' for any other text. */
  take(): string {
    const { marker } = this;
    this.marker = '';
    return marker;
  }
}

const romans: readonly [number, string][] = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
];
const largestRoman = 3_999;

function numeral(number: number, type: string): string {
  const lower = type.toLowerCase();
  if (number < 1 || (lower !== 'a' && lower !== 'i') || (lower === 'i' && number > largestRoman)) {
    return String(number);
  }
  const letters = lower === 'a' ? alphabetic(number) : roman(number);
  return type === lower ? letters : letters.toUpperCase();
}

/** a to z, then aa. */
function alphabetic(number: number): string {
  let letters = '';
  for (let left = number; left > 0; left = Math.floor((left - 1) / 26)) {
    letters = String.fromCharCode(97 + ((left - 1) % 26)) + letters;
  }
  return letters;
}

function roman(number: number): string {
  let left = number;
  let numerals = '';
  for (const [value, sign] of romans) {
    numerals += sign.repeat(Math.floor(left / value));
    left %= value;
  }
  return numerals;
}
