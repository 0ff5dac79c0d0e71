import { decode, numberOf } from './decode';
import { FoundTable } from './foundTable';
import { type Bytes, type ObjectTable, OwnTable, parseAt, streamData, streamHead } from './objectTable';
import { Malformed, Parser } from './parser';
import { Dictionary, nameOf, Reference, type Value } from './values';

/** How many object streams stay decoded. */
const maxStreams = 8;
const maxHops = 32;

/** The data of an object stream, and the offsets of its objects by their numbers. */
interface ObjectStream {
  data: Buffer;
  offsets: Map<number, number>;
}

/**
 * The objects of a PDF, as the file has them. The engine draws pages, but it does not tell what the catalog says. Only
 * what is asked for is read. Strings stay encrypted. The objects that are in streams of an encrypted file cannot be read.
 */
export class Structure {
  private readonly streams = new Map<number, ObjectStream>();

  private constructor(
    private readonly bytes: Bytes,
    readonly table: ObjectTable,
    /** How many bytes precede the PDF in the file. Offsets count from there. */
    readonly origin: number,
    /** The version that the file's first line names, such as "1.7". */
    readonly version: string,
  ) {}

  /**
   * Opens the structure. Where the file's own table of objects does not lead to its catalog, the objects are searched for.
   * Returns null when no catalog is found.
   */
  static open(file: Bytes): Structure | null {
    try {
      const head = Buffer.alloc(Math.min(1024, file.size));
      if (!file.read(0, head)) {
        return null;
      }
      const origin = Math.max(0, head.indexOf('%PDF-'));
      const bytes: Bytes = {
        size: file.size - origin,
        read: (position, target) => file.read(position + origin, target),
      };
      const [, version = ''] = /%PDF-([\d.]+)/.exec(head.toString('latin1')) ?? [];
      const table = ownTableOf(bytes);
      const structure = table === null ? null : new Structure(bytes, table, origin, version);
      if (structure?.catalog?.has('Pages')) {
        return structure;
      }
      return structure?.hidesCatalog() ? null : Structure.search(bytes, origin, version);
    } catch {
      return null;
    }
  }

  private static search(bytes: Bytes, origin: number, version: string): Structure | null {
    const table = new FoundTable(bytes);
    const structure = new Structure(bytes, table, origin, version);
    for (const stream of table.streams) {
      for (const number of structure.membersOf(stream)) {
        table.addMember(number, { stream });
      }
    }
    return structure.catalog?.has('Pages') ? structure : null;
  }

  get catalog(): Dictionary | null {
    return this.dictionary(this.table.trailer.get('Root'));
  }

  get isEncrypted(): boolean {
    return this.table.trailer.has('Encrypt');
  }

  /** Follows a reference to its value. What is missing or broken is null. */
  resolve(value: Value | undefined): Value {
    let found = value ?? null;
    for (let hop = 0; found instanceof Reference && hop < maxHops; hop++) {
      found = this.object(found.number);
    }
    return found instanceof Reference ? null : found;
  }

  /** The dictionary that the value is or refers to, also that of a stream, else null. */
  dictionary(value: Value | undefined): Dictionary | null {
    const found = this.resolve(value);
    return found instanceof Dictionary ? found : null;
  }

  /** The array that the value is or refers to; an empty one for anything else. */
  array(value: Value | undefined): Value[] {
    const found = this.resolve(value);
    return Array.isArray(found) ? found : [];
  }

  name(value: Value | undefined): string | null {
    return nameOf(this.resolve(value));
  }

  /** The object with this number, of a stream its dictionary; null when it is missing or broken. */
  object(number: number): Value {
    try {
      const place = this.table.find(number);
      if (place === null) {
        return null;
      }
      if ('stream' in place) {
        return this.inStream(place.stream, number);
      }
      return parseAt(this.bytes, place.offset, (parser) => {
        const found = parser.takesInteger();
        parser.takesInteger();
        if (found !== number || !parser.takes('obj')) {
          throw new Malformed('There is another object.');
        }
        return parser.value();
      });
    } catch {
      return null;
    }
  }

  /** The decoded data of the stream that the value refers to; null when it is missing, broken or encrypted. */
  data(value: Value | undefined): Buffer | null {
    const place = value instanceof Reference ? this.table.find(value.number) : null;
    if (place === null || !('offset' in place) || this.isEncrypted) {
      return null;
    }
    try {
      return this.dataAt(place.offset).data;
    } catch {
      return null;
    }
  }

  /** All object numbers, those in one stream after each other: each stream is then decoded once. */
  numbers(): number[] {
    const streamOf = Array.from({ length: this.table.size }, (_, number) => {
      const place = this.table.find(number);
      return place !== null && 'stream' in place ? place.stream : 0;
    });
    const numbers = [...streamOf.keys()].slice(1);
    return numbers.sort((one, other) => (streamOf[one] ?? 0) - (streamOf[other] ?? 0) || one - other);
  }

  /** True when the catalog is in an encrypted object stream. A search of the whole file would not find it either. */
  private hidesCatalog(): boolean {
    const root = this.table.trailer.get('Root');
    const place = root instanceof Reference ? this.table.find(root.number) : null;
    return this.isEncrypted && place !== null && 'stream' in place;
  }

  private membersOf(stream: number): Iterable<number> {
    try {
      return this.readStream(stream).offsets.keys();
    } catch {
      return [];
    }
  }

  private inStream(stream: number, number: number): Value {
    const { data, offsets } = this.streams.get(stream) ?? this.readStream(stream);
    const offset = offsets.get(number);
    return offset === undefined ? null : new Parser(data, offset).value();
  }

  private dataAt(offset: number): { dictionary: Dictionary; data: Buffer } {
    const { dictionary, dataAt } = parseAt(this.bytes, offset, (parser) => streamHead(parser, offset));
    const length = numberOf(this.resolve(dictionary.get('Length')), -1);
    return { dictionary, data: decode(streamData(this.bytes, dataAt, length), dictionary) };
  }

  private readStream(number: number): ObjectStream {
    const place = this.table.find(number);
    if (this.isEncrypted || place === null || !('offset' in place)) {
      throw new Malformed('An object stream cannot be read.');
    }
    const { dictionary, data: decoded } = this.dataAt(place.offset);
    // The parser ends a number at the character behind it.
    const data = Buffer.concat([decoded, Buffer.from('\n')]);
    const parser = new Parser(data);
    const first = numberOf(dictionary.get('First'), 0);
    const offsets: ObjectStream['offsets'] = new Map();
    for (let left = numberOf(dictionary.get('N'), 0); left > 0; left--) {
      const [member, offset] = [parser.takesInteger(), parser.takesInteger()];
      if (member === null || offset === null) {
        break;
      }
      offsets.set(member, offsets.get(member) ?? first + offset);
    }
    const [oldest] = this.streams.size >= maxStreams ? this.streams.keys() : [];
    if (oldest !== undefined) {
      this.streams.delete(oldest);
    }
    const read = { data, offsets };
    this.streams.set(number, read);
    return read;
  }
}

/** Reads the table that the end of the file names. Returns null when it cannot be read. */
function ownTableOf(bytes: Bytes): ObjectTable | null {
  try {
    const tail = Buffer.alloc(Math.min(2048, bytes.size));
    bytes.read(bytes.size - tail.length, tail);
    const [last] = [...tail.toString('latin1').matchAll(/startxref\s+(\d+)/g)].slice(-1);
    return last === undefined ? null : new OwnTable(bytes, Number(last[1]));
  } catch {
    return null;
  }
}
