import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The id of the child process that removes a password, while one runs. */
export async function unlockProcess(): Promise<number | undefined> {
  try {
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(process.pid), '-f', 'unlockProcess']);
    return Number(stdout.split('\n')[0]) || undefined;
  } catch {
    // pgrep fails when it finds no process.
    return undefined;
  }
}
