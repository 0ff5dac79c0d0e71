import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pass } from './reader';

/** Runs the reading program on one processor core. @returns its passes. */
export async function readOnCore(core: number, passes: number, files: readonly string[]): Promise<Pass[]> {
  const reader = join(__dirname, 'reader.js');
  const output = await runOnCore(core, process.execPath, [reader, String(passes), ...files]);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Pass);
}

/** Runs a program on one processor core. @returns what it printed. @throws Error with what it printed when it fails. */
export async function runOnCore(core: number, program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('taskset', ['-c', String(core), program, ...args]);
  return stdout;
}
