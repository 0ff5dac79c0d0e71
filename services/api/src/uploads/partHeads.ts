/**
 * Finds the content type of a form's file with its parameters, which busboy leaves out, in what has come of the form by the
 * time that busboy tells of the file.
 */
export class PartHeads {
  private readonly pieces: Buffer[] = [];
  private bytes = 0;
  private readonly delimiter: string;

  /**
   * @param formType the form's own content type.
   * @param maxBytes what is looked at: in a form with more before its file, nothing is found.
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

  /** The header's value; empty where there is none. */
  fileContentType(): string {
    const [, ...parts] = Buffer.concat(this.pieces).toString('latin1').split(this.delimiter);
    for (const part of parts) {
      const head = part.split('\r\n\r\n', 1)[0] ?? '';
      const [, contentType = ''] = /^content-type:[ \t]*(.*)$/im.exec(head) ?? [];
      // What busboy takes for a file.
      if (/^content-disposition:.*\bfilename\*?=/im.test(head) || /^application\/octet-stream\b/i.test(contentType)) {
        return contentType;
      }
    }
    return '';
  }
}
