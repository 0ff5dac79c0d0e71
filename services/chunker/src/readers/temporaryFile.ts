import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A file for a reader that needs a path. On Linux it has no name from the beginning, so that nothing is left of it when this
 * process is killed.
 */
export class TemporaryFile {
  readonly path: string;
  private readonly folder: string;
  private readonly fd: number;

  constructor(bytes: Buffer) {
    this.folder = mkdtempSync(join(tmpdir(), 'millrace-attachment-'));
    const named = join(this.folder, 'file');
    this.fd = openSync(named, 'wx+', 0o600);
    writeFileSync(this.fd, bytes);
    const isNameless = process.platform === 'linux';
    // With the number of this process, so that a process which it starts can read the file as well.
    this.path = isNameless ? `/proc/${process.pid}/fd/${this.fd}` : named;
    if (isNameless) {
      this.removeFolder();
    }
  }

  remove(): void {
    closeSync(this.fd);
    this.removeFolder();
  }

  private removeFolder(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
