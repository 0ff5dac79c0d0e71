import { closeSync, openSync, readSync } from 'node:fs';
import { fileSize } from '../files';

/** Reads the lines that are added to a log, from `offset` on. A line counts once its end is written. */
export class LogTail {
  private rest = Buffer.alloc(0);

  constructor(
    private readonly file: string,
    private offset: number,
  ) {}

  /** Returns the whole lines added since the last call. */
  read(): string[] {
    const size = fileSize(this.file);
    if (size <= this.offset) {
      return [];
    }
    const handle = openSync(this.file, 'r');
    try {
      const buffer = Buffer.alloc(size - this.offset);
      const length = readSync(handle, buffer, 0, buffer.length, this.offset);
      this.offset += length;
      // Joined as bytes: a read can end in the middle of a character.
      const all = Buffer.concat([this.rest, buffer.subarray(0, length)]);
      const end = all.lastIndexOf(0x0a) + 1;
      this.rest = all.subarray(end);
      return all.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    } finally {
      closeSync(handle);
    }
  }
}

/** Returns the object that a log line holds; undefined for a line that is something else. */
export function parseLogLine(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) {
    return undefined;
  }
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // A stack trace or another program's output that happens to begin like this.
    return undefined;
  }
}

/** A log line for people: level, message and error of a JSON line, any other line as it is. */
export function readableLine(line: string): string {
  const entry = parseLogLine(line);
  if (entry?.msg === undefined) {
    return line.slice(0, 500);
  }
  const error = entry.err as { message?: unknown } | undefined;
  const reason = error?.message === undefined || error.message === entry.msg ? '' : `: ${String(error.message)}`;
  return `${String(entry.level ?? '')} ${String(entry.msg)}${reason}`.trim().slice(0, 2_000);
}
