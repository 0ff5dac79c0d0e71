import { decode, numberOf } from './decode';
import { Incomplete, Malformed, Parser } from './parser';
import { Dictionary, type Value } from './values';

/** Bytes of a file, read piece by piece. */
export interface Bytes {
  readonly size: number;
  /** Copies `target.length` bytes from `position` on. Returns false when there are fewer bytes. */
  read(position: number, target: Uint8Array): boolean;
}

/** Where an object is: at an offset in the file, or in an object stream. */
export type Place = { offset: number } | { stream: number };

const firstWindow = 4 * 1024;
const maxWindow = 16 * 2 ** 20;
/** Broken files have endless chains of tables. */
const maxSections = 1_000;
const maxObjects = 1_000_000;

/** Reads from `position` on with a parser, and with a larger window when the value is longer. */
export function parseAt<T>(bytes: Bytes, position: number, work: (parser: Parser) => T): T {
  for (let window = firstWindow; ; window *= 8) {
    const piece = Buffer.allocUnsafe(Math.max(0, Math.min(window, bytes.size - position)));
    if (position < 0 || piece.length === 0 || !bytes.read(position, piece)) {
      throw new Malformed('An offset is outside of the file.');
    }
    try {
      return work(new Parser(piece));
    } catch (error) {
      if (!(error instanceof Incomplete) || piece.length < window || window >= maxWindow) {
        throw error;
      }
    }
  }
}

/** Reads the data of a stream whose dictionary ends before `at`. `length` is the number of its bytes. */
export function streamData(bytes: Bytes, at: number, length: number): Buffer {
  const start = Buffer.alloc(Math.max(0, Math.min(2, bytes.size - at)));
  if (!bytes.read(at, start)) {
    throw new Malformed('A stream is outside of the file.');
  }
  const skipped = start[0] === 0x0d ? (start[1] === 0x0a ? 2 : 1) : start[0] === 0x0a ? 1 : 0;
  if (!(length >= 0) || at + skipped + length > bytes.size || length > maxWindow * 4) {
    throw new Malformed('The length of a stream is wrong.');
  }
  const data = Buffer.alloc(length);
  bytes.read(at + skipped, data);
  return data;
}

/** Which object of a file is where. */
export interface ObjectTable {
  readonly trailer: Dictionary;
  /** The offset of the newest part. */
  readonly start: number;
  /** True when the newest part is a stream. What is added to the file must then be one, too. */
  readonly isStream: boolean;
  /** The number above all object numbers. */
  readonly size: number;
  /** Finds an object; null when it does not exist. */
  find(number: number): Place | null;
}

/** A part of the table. Its entries are read when they are asked for. */
interface Section {
  first: number;
  count: number;
  place(index: number): Place | null;
}

/** The table that the file itself has. */
export class OwnTable implements ObjectTable {
  private readonly sections: Section[] = [];
  private readonly seen = new Set<number>();
  readonly trailer: Dictionary;
  readonly isStream: boolean;

  /**
   * @param start The offset that the file's end names.
   * @throws Malformed, Incomplete or the error of zlib when the table cannot be read.
   */
  constructor(
    private readonly bytes: Bytes,
    readonly start: number,
  ) {
    let section = this.read(start);
    this.trailer = section.trailer;
    this.isStream = section.isStream;
    for (let next = section.trailer.get('Prev'); typeof next === 'number'; next = section.trailer.get('Prev')) {
      if (this.seen.has(next) || this.seen.size > maxSections) {
        break;
      }
      section = this.read(next);
    }
  }

  get size(): number {
    const last = Math.max(0, ...this.sections.map(({ first, count }) => first + count));
    return Math.min(maxObjects, Math.max(last, numberOf(this.trailer.get('Size'), 0)));
  }

  find(number: number): Place | null {
    for (const section of this.sections) {
      const index = number - section.first;
      const place = index >= 0 && index < section.count ? section.place(index) : null;
      if (place !== null) {
        return place;
      }
    }
    return null;
  }

  private read(at: number): { trailer: Dictionary; isStream: boolean } {
    this.seen.add(at);
    const isTable = parseAt(this.bytes, at, (parser) => parser.takes('xref'));
    if (!isTable) {
      return { trailer: this.readStream(at), isStream: true };
    }
    const trailer = this.readTable(at);
    const hybrid = trailer.get('XRefStm');
    if (typeof hybrid === 'number' && !this.seen.has(hybrid)) {
      this.seen.add(hybrid);
      this.readStream(hybrid);
    }
    return { trailer, isStream: false };
  }

  /** Notes where the rows of a table are, twenty bytes each, and reads the trailer behind them. */
  private readTable(start: number): Dictionary {
    let at = start + parseAt(this.bytes, start, (parser) => (parser.takes('xref') ? parser.at : 0));
    for (;;) {
      const head = parseAt(this.bytes, at, (parser) => {
        if (parser.takes('trailer')) {
          return parser.value();
        }
        const first = parser.takesInteger();
        const count = parser.takesInteger();
        if (first === null || count === null) {
          throw new Malformed('The table of objects is broken.');
        }
        parser.skipSpace();
        return { first, count, length: parser.at };
      });
      if (head instanceof Dictionary) {
        return head;
      }
      if (head === null || typeof head !== 'object' || !('first' in head)) {
        throw new Malformed('The trailer is no dictionary.');
      }
      const { first, count, length } = head;
      const rows = at + length;
      this.addSection({ first, count, place: (index) => this.rowAt(rows + 20 * index) });
      at = rows + 20 * count;
    }
  }

  private rowAt(position: number): Place | null {
    const row = Buffer.alloc(18);
    if (!this.bytes.read(position, row)) {
      return null;
    }
    const [, offset = '', kind] = /^(\d{10}) \d{5} ([nf])/.exec(row.toString('latin1')) ?? [];
    return kind === 'n' && Number(offset) > 0 ? { offset: Number(offset) } : null;
  }

  private readStream(at: number): Dictionary {
    const { dictionary, dataAt } = parseAt(this.bytes, at, (parser) => streamHead(parser, at));
    const data = decode(streamData(this.bytes, dataAt, numberOf(dictionary.get('Length'), -1)), dictionary);
    const widths = numbersIn(dictionary.get('W'));
    const [kindWidth = 0, second = 0, third = 0] = widths;
    const width = kindWidth + second + third;
    if (widths.length !== 3 || width < 1 || width > 24) {
      throw new Malformed('A table of objects has no widths.');
    }
    const ranges = numbersIn(dictionary.get('Index') ?? [0, numberOf(dictionary.get('Size'), 0)]);
    let from = 0;
    for (let index = 0; index + 1 < ranges.length; index += 2) {
      const rows = from;
      const [first = 0, count = 0] = ranges.slice(index, index + 2);
      from += count * width;
      this.addSection({
        first,
        count,
        place: (row) => {
          const start = rows + row * width;
          const kind = kindWidth === 0 ? 1 : numberAt(data, start, kindWidth);
          const value = numberAt(data, start + kindWidth, second);
          return kind === 1 ? { offset: value } : kind === 2 ? { stream: value } : null;
        },
      });
    }
    return dictionary;
  }

  private addSection(section: Section): void {
    if (this.sections.length > maxSections) {
      throw new Malformed('The table of objects has too many parts.');
    }
    this.sections.push(section);
  }
}

/** Reads the head of a stream object at `at`: its dictionary, and where its data begins. */
export function streamHead(parser: Parser, at: number): { dictionary: Dictionary; dataAt: number } {
  parser.takesInteger();
  parser.takesInteger();
  const dictionary = parser.takes('obj') ? parser.value() : null;
  if (!(dictionary instanceof Dictionary) || !parser.takes('stream')) {
    throw new Malformed('There is no stream.');
  }
  return { dictionary, dataAt: at + parser.at };
}

function numberAt(data: Buffer, at: number, width: number): number {
  let value = 0;
  for (let index = 0; index < width; index++) {
    value = value * 256 + (data[at + index] ?? 0);
  }
  return value;
}

function numbersIn(value: Value | undefined): number[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'number') : [];
}
