import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The id of the process in which this one has a password taken off, while there is one. */
export async function unlockProcess(): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(process.pid), '-f', 'unlockProcess']);
    return Number(stdout.split('\n')[0]) || undefined;
  } catch {
    // pgrep's way to say that there is none.
    return undefined;
  }
}
