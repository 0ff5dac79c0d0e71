/**
 * Builds a text from UTF-16 code units. Adding to a string one character at a time is slower, because V8 keeps such strings
 * as trees until they are read.
 */
export class TextBuffer {
  length = 0;
  private units = new Uint16Array(1024);
  private bytes = Buffer.alloc(1024);
  private isWide = false;

  /** Adds a code point. */
  add(code: number): void {
    if (code > 0xffff) {
      this.addUnit(0xd800 + ((code - 0x10000) >> 10));
      this.addUnit(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      this.addUnit(code);
    }
  }

  /** The code unit at `index`; 0 out of range. */
  at(index: number): number {
    return index >= 0 && index < this.length ? (this.units[index] as number) : 0;
  }

  /** Returns the text and clears the buffer. */
  take(): string {
    const { length } = this;
    // A string made from Latin-1 bytes takes half the memory.
    const text = this.isWide
      ? Buffer.from(this.units.buffer, 0, length * 2).toString('utf16le')
      : this.bytes.toString('latin1', 0, length);
    this.clear();
    return text;
  }

  clear(): void {
    this.length = 0;
    this.isWide = false;
  }

  private addUnit(unit: number): void {
    if (this.length === this.units.length) {
      this.grow();
    }
    this.units[this.length] = unit;
    this.bytes[this.length] = unit;
    this.isWide ||= unit > 0xff;
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
