import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs';

/** Replaces a file as a whole, so that no reader ever sees half of it. */
export function writeAtomically(file: string, text: string, mode = 0o644): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

/** Returns the parsed JSON of a file, or undefined when the file is missing or damaged. */
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

/** Returns the size of a file in bytes, or 0 when it does not exist. */
export function fileSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Returns the content of a file from a byte offset on, at most its last 64 KiB. */
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

/** Returns the last lines that were added to a log since `offset`, indented for an error message. */
export function lastLines(file: string, count: number, offset = 0): string {
  const lines = readFrom(file, offset).trimEnd().split('\n').slice(-count);
  return lines.map((line) => `  | ${describeLogLine(line)}`).join('\n');
}

/** Shortens a log line for people: level, message and error of a JSON line, any other line as it is. */
function describeLogLine(line: string): string {
  try {
    const { level = '', msg, err } = JSON.parse(line) as Record<string, unknown>;
    const { message } = (err ?? {}) as { message?: unknown };
    const reason = message === undefined || message === msg ? '' : `: ${message}`;
    return msg === undefined ? line.slice(0, 500) : `${level} ${msg}${reason}`.trim().slice(0, 2_000);
  } catch {
    // A stack trace, or the output of another program.
    return line.slice(0, 500);
  }
}
