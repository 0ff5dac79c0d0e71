import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
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

/**
 * Runs a program bound to one processor core. @returns what it printed.
 * @throws when it cannot be started or ends badly, with what it said.
 */
export async function runOnCore(core: number, program: string, args: readonly string[]): Promise<string> {
  const child = spawn('taskset', ['-c', String(core), program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) {
    throw new Error(`${program} ended with ${code}: ${complaint.trim()}`);
  }
  return output;
}
