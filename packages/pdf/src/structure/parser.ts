import { Dictionary, Name, Reference, type Value } from './values';

/** The bytes end before the value does. */
export class Incomplete extends Error {}
/** The bytes are no value of a PDF. */
export class Malformed extends Error {}

const maxDepth = 64;
const whiteSpace = new Set([0x00, 0x09, 0x0a, 0x0c, 0x0d, 0x20]);
const delimiters = new Set([...'()<>[]{}/%'].map((each) => each.charCodeAt(0)));
const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** Reads values from bytes of a PDF. Its methods throw Incomplete or Malformed. */
export class Parser {
  constructor(
    private readonly bytes: Buffer,
    public at = 0,
  ) {}

  /** Reads the next value. */
  value(depth = 0): Value {
    if (depth > maxDepth) {
      throw new Malformed('The values are nested too deeply.');
    }
    this.skipSpace();
    switch (this.character()) {
      case '/':
        this.at++;
        return new Name(
          this.token().replace(/#([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
        );
      case '(':
        return this.literalString();
      case '[':
        return this.array(depth);
      case '<':
        return this.character(1) === '<' ? this.dictionary(depth) : this.hexString();
      default:
        return this.scalar();
    }
  }

  /** Takes the word `expected`. Returns false, with nothing taken, when something else follows. */
  takes(expected: string): boolean {
    this.skipSpace();
    const end = this.at + expected.length;
    if (this.bytes.toString('latin1', this.at, end) !== expected) {
      return false;
    }
    this.at = end;
    return true;
  }

  /** Takes the next whole number, else null. */
  takesInteger(): number | null {
    this.skipSpace();
    const start = this.at;
    const token = this.token();
    if (/^\d+$/.test(token)) {
      return Number(token);
    }
    this.at = start;
    return null;
  }

  skipSpace(): void {
    for (; this.at < this.bytes.length; this.at++) {
      const byte = this.bytes[this.at] as number;
      if (byte === 0x25) {
        while (this.at < this.bytes.length && this.bytes[this.at] !== 0x0a && this.bytes[this.at] !== 0x0d) {
          this.at++;
        }
      } else if (!whiteSpace.has(byte)) {
        return;
      }
    }
  }

  private character(ahead = 0): string {
    const byte = this.bytes[this.at + ahead];
    if (byte === undefined) {
      throw new Incomplete();
    }
    return String.fromCharCode(byte);
  }

  private token(): string {
    const start = this.at;
    for (; this.at < this.bytes.length; this.at++) {
      const byte = this.bytes[this.at] as number;
      if (whiteSpace.has(byte) || delimiters.has(byte)) {
        return this.bytes.toString('latin1', start, this.at);
      }
    }
    throw new Incomplete();
  }

  private scalar(): Value {
    const token = this.token();
    switch (token) {
      case 'null':
        return null;
      case 'true':
        return true;
      case 'false':
        return false;
      case '':
        throw new Malformed(`"${this.character()}" begins no value.`);
    }
    const number = Number(token);
    if (Number.isNaN(number)) {
      throw new Malformed(`"${token.slice(0, 20)}" is no value.`);
    }
    return /^\d+$/.test(token) ? (this.reference(number) ?? number) : number;
  }

  /** Reads the rest of a reference whose object number was read. Returns null, with nothing taken, when none follows. */
  private reference(number: number): Reference | null {
    const start = this.at;
    const generation = this.takesInteger();
    if (generation !== null && this.takes('R')) {
      return new Reference(number, generation);
    }
    this.at = start;
    return null;
  }

  private array(depth: number): Value[] {
    this.at++;
    const items: Value[] = [];
    while (!this.takes(']')) {
      items.push(this.value(depth + 1));
    }
    return items;
  }

  private dictionary(depth: number): Dictionary {
    this.at += 2;
    const entries = new Dictionary();
    while (!this.takes('>>')) {
      const key = this.value(depth + 1);
      if (!(key instanceof Name)) {
        throw new Malformed('A key of a dictionary is no name.');
      }
      entries.set(key.text, this.value(depth + 1));
    }
    return entries;
  }

  private hexString(): Buffer {
    const end = this.bytes.indexOf('>', this.at);
    if (end < 0) {
      throw new Incomplete();
    }
    const digits = this.bytes.toString('latin1', this.at + 1, end).replace(/[^0-9a-fA-F]/g, '');
    this.at = end + 1;
    return Buffer.from(digits.length % 2 === 0 ? digits : `${digits}0`, 'hex');
  }

  private literalString(): Buffer {
    let text = '';
    let open = 0;
    do {
      const character = this.character();
      this.at++;
      if (character === '\\') {
        text += this.escaped();
        continue;
      }
      open += character === '(' ? 1 : character === ')' ? -1 : 0;
      text += character;
    } while (open > 0);
    return Buffer.from(text.slice(1, -1), 'latin1');
  }

  private escaped(): string {
    const [octal = ''] = /^[0-7]{1,3}/.exec(this.bytes.toString('latin1', this.at, this.at + 3)) ?? [];
    if (octal !== '') {
      this.at += octal.length;
      return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    }
    const character = this.character();
    this.at++;
    if (character === '\r' && this.bytes[this.at] === 0x0a) {
      this.at++;
    }
    return character === '\r' || character === '\n' ? '' : (escapes[character] ?? character);
  }
}
