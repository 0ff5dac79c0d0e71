const superscripts: Record<string, string> = {
  '0': '⁰',
  '1': '¹',
  '2': '²',
  '3': '³',
  '4': '⁴',
  '5': '⁵',
  '6': '⁶',
  '7': '⁷',
  '8': '⁸',
  '9': '⁹',
  '+': '⁺',
  '-': '⁻',
  '−': '⁻',
};
/** Longer text lacks the end tag of a reading, and is text. */
const maxReading = 200;
const raisedNumber = /^\s*[\d+\-−][\d+\-−,\s]*$/u;

/**
 * Text that is smaller than its line: raised numbers, and the readings above East Asian words (ruby). A raised number stays one,
 * or "10⁶" would be 106, and a note's number would be part of a word. A reading follows its word in parentheses, or the
 * word could not be found.
 */
export class SmallText {
  private raised = 0;
  private ruby = 0;
  private inReading = 0;
  private reading = '';

  open(name: string): void {
    this.raised += name === 'sup' ? 1 : 0;
    this.ruby += name === 'ruby' ? 1 : 0;
    this.inReading += isReading(name) ? 1 : 0;
  }

  /** Returns what is shown where the element ends. */
  close(name: string): string {
    this.raised -= name === 'sup' ? 1 : 0;
    this.inReading -= isReading(name) ? 1 : 0;
    if (name !== 'ruby') {
      return '';
    }
    this.ruby--;
    if (this.ruby > 0) {
      return '';
    }
    const reading = this.takeReading().trim();
    return reading === '' ? '' : `(${reading})`;
  }

  private takeReading(): string {
    const { reading } = this;
    this.reading = '';
    return reading;
  }

  /** Returns the text as it is shown where it stands. */
  shown(text: string): string {
    if (this.ruby > 0 && this.inReading > 0) {
      // Parentheses for browsers without ruby are added in any case.
      this.reading += text.replace(/[()（）]/gu, '');
      return this.reading.length > maxReading ? this.takeReading() : '';
    }
    if (this.raised > 0 && raisedNumber.test(text)) {
      return text.replace(/[\d+\-−]/gu, (sign) => superscripts[sign] ?? sign);
    }
    return text;
  }
}

function isReading(name: string): boolean {
  return name === 'rt' || name === 'rp' || name === 'rtc';
}
