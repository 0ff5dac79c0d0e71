/**
 * Keeps the beginning of a form, to find the Content-Type of its file with parameters such as the charset. busboy leaves
 * the parameters out, but when it announces the file, the headers of the file have already passed.
 */
export class PartHeads {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;
  private readonly delimiter: string;

  /**
   * @param formType is the Content-Type of the form itself.
   * @param maxBytes the limit of bytes that are kept. If a form has more bytes before its file, no head is found.
   */
  constructor(
    formType: string,
    private readonly maxBytes: number,
  ) {
    const [, quoted, bare] = /;\s*boundary\s*=\s*(?:"([^"]+)"|([^\s";]+))/i.exec(formType) ?? [];
    this.delimiter = `--${quoted ?? bare ?? ''}\r\n`;
  }

  add(piece: Buffer): void {
    if (this.bytes <= this.maxBytes) {
      this.pieces.push(piece);
      this.bytes += piece.length;
    }
  }

  /** Finds the Content-Type of the file; empty if it has none. */
  fileContentType(): string {
    const [, ...parts] = Buffer.concat(this.pieces).toString('latin1').split(this.delimiter);
    for (const part of parts) {
      const head = part.split('\r\n\r\n', 1)[0] ?? '';
      const [, contentType = ''] = /^content-type:[ \t]*(.*)$/im.exec(head) ?? [];
      // busboy takes the same two kinds of part for a file.
      if (/^content-disposition:.*\bfilename\*?=/im.test(head) || /^application\/octet-stream\b/i.test(contentType)) {
        return contentType;
      }
    }
    return '';
  }
}
