import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs';

/** Replaces a file as a whole, so that no reader ever sees half of it. */
export function writeAtomically(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

/** Returns the parsed JSON of a file; undefined when it is missing or damaged. */
export function readJson(file: string): unknown {
  if (!existsSync(file)) {
    return undefined;
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

/** Returns the file's size; 0 when there is none. */
export function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Returns what a file holds from a byte offset on, at most the last 64 KiB of it. */
export function readFrom(file: string, offset: number): string {
  const size = fileSize(file);
  const start = Math.max(offset, size - 65_536);
  if (size <= start) {
    return '';
  }
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(size - start);
    const length = readSync(handle, buffer, 0, buffer.length, start);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(handle);
  }
}

/** Returns the last lines written to a log since `offset`, indented for an error message. */
export function lastLines(file: string, count: number, offset = 0): string {
  const lines = readFrom(file, offset).trimEnd().split('\n').slice(-count);
  return lines.map((line) => `  | ${line.slice(0, 500)}`).join('\n');
}
