import { type Bytes, type ObjectTable, type Place, parseAt } from './objectTable';
import { Dictionary, Reference } from './values';

/** Larger files are not searched. */
const maxBytes = 256 * 2 ** 20;
const maxNumber = 1_000_000;
/** Earlier ones are not read. Hostile files have many that seem to be long. */
const maxTrailers = 100;
const pieceBytes = 2 ** 20;
/** Longer than any landmark. */
const overlapBytes = 64;

const landmark =
  /(?<!\d)(?<number>\d{1,7})[\0\t\n\f\r ]{1,4}\d{1,5}[\0\t\n\f\r ]{1,4}obj(?![A-Za-z])|(?<word>trailer|\/ObjStm|\/XRef|\/Catalog)(?![A-Za-z])/g;

/** The table of a file whose own table is missing or wrong: its objects are searched for. The last one of a number counts. */
export class FoundTable implements ObjectTable {
  readonly trailer: Dictionary;
  readonly start = 0;
  readonly isStream = false;
  /** The numbers of the object streams that were found. */
  readonly streams: ReadonlySet<number>;
  private readonly offsets = new Map<number, number>();
  private readonly members = new Map<number, Place>();

  constructor(bytes: Bytes) {
    const streams = new Set<number>();
    let current = 0;
    let catalog = 0;
    const trailers: number[] = [];
    for (const { at, number, word } of landmarksIn(bytes)) {
      if (number !== null) {
        current = number;
        this.offsets.set(number, at);
      } else if (word === '/ObjStm') {
        streams.add(current);
      } else if (word === '/Catalog') {
        catalog = current;
      } else {
        trailers.push(word === 'trailer' ? at : (this.offsets.get(current) ?? at));
      }
    }
    const trailer = lastTrailer(bytes, trailers);
    if (!trailer.has('Root') && catalog > 0) {
      trailer.set('Root', new Reference(catalog, 0));
    }
    this.trailer = trailer;
    this.streams = streams;
  }

  get size(): number {
    let last = 0;
    for (const numbers of [this.offsets, this.members]) {
      for (const number of numbers.keys()) {
        last = Math.max(last, number);
      }
    }
    return last + 1;
  }

  find(number: number): Place | null {
    const offset = this.offsets.get(number);
    return offset === undefined ? (this.members.get(number) ?? null) : { offset };
  }

  /** Notes an object that is in an object stream. */
  addMember(number: number, place: Place): void {
    if (number < maxNumber) {
      this.members.set(number, place);
    }
  }
}

/** The last of the trailers that names a catalog; an empty one when none does. */
function lastTrailer(bytes: Bytes, starts: readonly number[]): Dictionary {
  for (const start of starts.slice(-maxTrailers).reverse()) {
    const found = dictionaryAt(bytes, start);
    if (found?.has('Root')) {
      return found;
    }
  }
  return new Dictionary();
}

/** The dictionary behind the first words at `start`, else null. */
function dictionaryAt(bytes: Bytes, start: number): Dictionary | null {
  try {
    const value = parseAt(bytes, start, (parser) => {
      if (!parser.takes('trailer')) {
        parser.takesInteger();
        parser.takesInteger();
        parser.takes('obj');
      }
      return parser.value();
    });
    return value instanceof Dictionary ? value : null;
  } catch {
    return null;
  }
}

function* landmarksIn(bytes: Bytes): Generator<{ at: number; number: number | null; word: string | null }> {
  const end = Math.min(bytes.size, maxBytes);
  for (let from = 0; from < end; from += pieceBytes) {
    const piece = Buffer.alloc(Math.min(pieceBytes + overlapBytes, end - from));
    if (!bytes.read(from, piece)) {
      return;
    }
    for (const match of piece.toString('latin1').matchAll(landmark)) {
      // What begins in the overlap is found in the next piece.
      if (match.index < pieceBytes) {
        const { number, word } = match.groups ?? {};
        yield { at: from + match.index, number: number === undefined ? null : Number(number), word: word ?? null };
      }
    }
  }
}
