/**
 * Puts a text together from UTF-16 code units. Adding to a string one character at a time is slower: the engine keeps
 * such strings as trees until they are read.
 */
export class TextBuffer {
  length = 0;
  private units = new Uint16Array(1024);
  private bytes = Buffer.alloc(1024);
  private wide = false;

  /** Adds a code point. */
  add(code: number): void {
    if (code > 0xffff) {
      this.addUnit(0xd800 + ((code - 0x10000) >> 10));
      this.addUnit(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      this.addUnit(code);
    }
  }

  /** The code unit at `index`; 0 where there is none. */
  at(index: number): number {
    return index >= 0 && index < this.length ? (this.units[index] as number) : 0;
  }

  /** Takes the text out. */
  take(): string {
    const { length } = this;
    // Latin-1 text is kept in half the memory.
    const text = this.wide
      ? Buffer.from(this.units.buffer, 0, length * 2).toString('utf16le')
      : this.bytes.toString('latin1', 0, length);
    this.clear();
    return text;
  }

  clear(): void {
    this.length = 0;
    this.wide = false;
  }

  private addUnit(unit: number): void {
    if (this.length === this.units.length) {
      this.grow();
    }
    this.units[this.length] = unit;
    this.bytes[this.length] = unit;
    this.wide ||= unit > 0xff;
    this.length++;
  }

  private grow(): void {
    const units = new Uint16Array(this.units.length * 2);
    units.set(this.units);
    this.units = units;
    const bytes = Buffer.alloc(units.length);
    this.bytes.copy(bytes);
    this.bytes = bytes;
  }
}
